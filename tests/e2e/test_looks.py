"""The looks of states as a browser draws them, in the light and the dark theme."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.template.loader import render_to_string
from django.test import Client
from playwright.sync_api import Browser, Page, Route

from web.portal.pictures.ribbon import DrawnSegment, mini_ribbon
from web.portal.shared import appearance

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

# Per element: the properties that a style may set to distinguish a state.
_DRAWN = """nodes => nodes.map(node => {
  const style = getComputedStyle(node);
  return [style.color, style.backgroundColor, style.borderStyle, style.borderColor,
          style.fill, style.stroke, style.strokeDasharray].join(" | ");
})"""
_ICON_SIZES = "nodes => nodes.map(node => node.getBBox().width)"
# The ids of the patterns that fill the elements, and whether the page defines each.
_PATTERNS = """nodes => nodes
  .map(node => /url\\("#(.+)"\\)/.exec(getComputedStyle(node).fill)?.[1])
  .filter(Boolean).map(id => [id, document.getElementById(id) !== null])"""
# Each custom property of :root that is a colour, and its value in the current theme.
_COLOURS = """() => {
  const sheets = [...document.styleSheets].filter(sheet => !sheet.media.length);
  const roots = sheets.flatMap(sheet => [...sheet.cssRules])
    .filter(rule => rule.selectorText === ":root");
  const names = roots.flatMap(rule => [...rule.style])
    .filter(name => name.startsWith("--"));
  const unset = "rgb(1, 2, 3)";
  const probe = document.body.appendChild(document.createElement("i"));
  document.body.style.color = unset;
  const colours = names.map(name => {
    probe.style.color = `var(${name})`;
    return [name, getComputedStyle(probe).color];
  });
  return Object.fromEntries(colours.filter(([, colour]) => colour !== unset));
}"""


@pytest.fixture
def page(browser: Browser, client: Client) -> Iterator[Page]:
    """Open the sign-in page of this process, without a server."""

    def answer(route: Route) -> None:
        response = client.get(urlsplit(route.request.url).path)
        route.fulfill(
            status=response.status_code, headers=dict(response.items()), body=response.getvalue()
        )

    context = browser.new_context(base_url="http://portal.test")
    context.route("**/*", answer)
    opened = context.new_page()
    opened.goto("/accounts/login/")
    yield opened
    context.close()


def _show(page: Page, html: str) -> None:
    """Replace the page's content with these elements, after an unstyled one of each."""
    plain = '<span class="badge"></span><svg><rect class="seg"></rect></svg>'
    page.evaluate("html => {document.body.innerHTML = html}", plain + html)
    page.wait_for_load_state("networkidle")


def _in_each_theme(page: Page) -> Iterator[str]:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        yield theme


def test_every_state_has_a_badge_with_an_icon(page: Page) -> None:
    for component, states in (
        ("components/_badge.html", appearance.REVIEW_STATES),
        ("components/_file_badge.html", appearance.FILE_STATES),
    ):
        _show(page, "".join(render_to_string(component, {"state": s}) for s in states))

        for theme in _in_each_theme(page):
            plain, *drawn = page.eval_on_selector_all(".badge", _DRAWN)
            assert len(drawn) == len(states), (component, theme)
            assert plain not in drawn, (component, theme)
            sizes = page.eval_on_selector_all(".badge use", _ICON_SIZES)
            assert len(sizes) == len(states), (component, theme)
            assert min(sizes) > 0, (component, theme)


def test_every_state_has_a_segment_with_a_defined_pattern(page: Page) -> None:
    segments = [DrawnSegment(0, 1, "")]
    minis = [
        mini_ribbon(duration_ms=1, segments=segments, state=state)
        for state in appearance.REVIEW_STATES
    ]
    drawn_minis = [render_to_string("components/_mini.html", {"mini": mini}) for mini in minis]

    _show(page, render_to_string("components/_patterns.html") + "".join(drawn_minis))

    for theme in _in_each_theme(page):
        plain, *drawn = page.eval_on_selector_all(".seg", _DRAWN)
        assert len(drawn) == len(minis), theme
        assert plain not in drawn, theme
        used = page.eval_on_selector_all(".mini .seg", _PATTERNS)
        assert len(used) == len(appearance.PATTERNED), theme
        assert all(is_defined for _, is_defined in used), used


def test_every_colour_differs_between_the_themes(page: Page) -> None:
    light, dark = (page.evaluate(_COLOURS) for _theme in _in_each_theme(page))

    assert [name for name in light if light[name] == dark[name]] == []
    assert len(light) > 40

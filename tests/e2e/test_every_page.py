"""Every page of the portal and the admin, found by following links: axe-core and keys.

The gate opens the pages that need no link. Before a release, the expected pages come from
the URL map: one that no link leads to, or that the demo cannot reach, fails by its name.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.urls.exceptions import Resolver404
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Portal, demo_portal, sign_in
from tests.e2e.keyboard import faults_of_keys, faults_of_openings, unlisted_keys
from tests.fixtures import CopyDatabase

# Slow: only a browser can judge a page's markup, and there are a hundred pages.
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# One page per view; of these views, one page per state that looks different.
SEVERAL = {"portal:match": 3, "portal:file_detail": 6}
# Views that answer with a file or a fragment; everything else is a page.
NOT_PAGES = {
    *("portal:file_audio", "portal:recording_audio", "portal:match_lock"),
    *("portal:match_exclude", "portal:link_feed_items", "portal:licence_evidence"),
    # It leads to the page of a statement.
    *("portal:import_bad_rows", "portal:cue_sheet_version"),
    *("portal:match_preview", "portal:choices", "portal:policy_sentence"),
    "portal:guide_image",
    *("portal:file_review_changes", "portal:file_review_sound"),
    *("portal:queue_changes", "portal:match_changes", "portal:file_changes"),
    *("portal:dispute_changes", "portal:report_schedule_next"),
    *("portal:stream_log_report", "portal:unknown_report", "portal:unknown_changes"),
}
_FILE_ENDINGS = (*("_csv", "_xlsx", "_pdf", "_zip", "_file", "_manifest", "_csvw"), "_export")
# Django's own widgets: the dual list, autocomplete, headings of inline rows.
NOT_OURS = [[".selector .search-label-icon"], [".select2-container"], [".inline-group thead"]]
# The frame around every page is judged on the first page that has it, and of a table the
# first rows. axe-core walks through what it is told to exclude, so the rest is taken out.
_FRAMES = {"portal": ".nav > *, #key-list, #palette", "admin": "#header > *, #nav-sidebar > *"}
_ALIKE = "tbody tr:nth-child(n+6)"
_TAKE_OUT = "known => document.querySelectorAll(known).forEach(node => node.remove())"
# What passes is neither described nor sent; styles are not fetched again for one rule
# that axe-core leaves out by default.
_ONLY_FAULTS = {"resultTypes": ["violations"], "preload": False}
_AXE = "([where, how]) => axe.run(where, how).then(found => found.violations)"
# What an element looks like follows from its tag, its states and those classes that a
# stylesheet names, and from those of all around it. Contrast costs most, so it is looked at
# once for each look: the browser keeps their hashes from page to page.
_FIND_NEW_LOOKS = r"""() => {
  const STATES = /^(type|role|scope|style|disabled|open|multiple|aria-(current|selected|checked|pressed|invalid|disabled|sort))$/;
  const rulesOf = (rules) => [...rules].flatMap((rule) => [rule.selectorText ?? "", ...rulesOf(rule.cssRules ?? rule.styleSheet?.cssRules ?? [])]);
  const selectors = [...document.styleSheets].flatMap((sheet) => rulesOf(sheet.cssRules)).join(" ");
  const styled = new Set([...selectors.matchAll(/\.([\w-]+)/g)].map((found) => found[1]));
  const parts = [...selectors.matchAll(/\[class[*^]="([\w-]+)/g)].map((found) => found[1]);
  const isStyled = (name) => styled.has(name) || parts.some((part) => name.includes(part));
  const known = new Set(JSON.parse(localStorage.getItem("looks") ?? "[]"));
  const hashes = new Map([[document.documentElement, 2166136261]]);
  window.newLooks = [];
  for (const node of [document.body, ...document.body.querySelectorAll("*")]) {
    const states = [...node.attributes].filter((one) => STATES.test(one.name)).map((one) => `${one.name}=${one.value}`);
    const look = [node.localName, ...[...node.classList].filter(isStyled).sort(), ...states.sort()].join(" ");
    let hash = hashes.get(node.parentElement);
    for (const letter of look) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
    hashes.set(node, hash);
    if (known.has(hash) || !node.checkVisibility()) continue;
    known.add(hash);
    newLooks.push(node);
  }
  window.lookOf = hashes;
  localStorage.setItem("looks", JSON.stringify([...known]));
  return newLooks.length;
}"""
# Of the new looks, it is measured once for each colour on its ground in one size. What may
# lie on something else than what it is in counts by its look. Only what axe-core has judged
# is known: it passes over what is disabled, covered or out of sight.
_CONTRAST = """async (theme) => {
  // A colour transition would be measured midway.
  document.getAnimations().forEach((one) => one.finish());
  const isText = (node) => node.matches("input, select, textarea") || [...node.childNodes].some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim());
  const nameOf = (node) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(node);
    const parts = [color, fontSize, fontWeight, textShadow];
    for (let at = node, isOpaque = false; at; at = at.parentElement) {
      const { backgroundColor, backgroundImage, opacity, position } = getComputedStyle(at);
      parts.push(opacity);
      if (isOpaque) continue;
      parts.push(backgroundColor, backgroundImage);
      isOpaque = backgroundColor.startsWith("rgb(");
      if (!isOpaque && ["absolute", "fixed", "sticky"].includes(position)) return lookOf.get(node);
    }
    return parts.filter((part) => !["1", "none", "rgba(0, 0, 0, 0)"].includes(part)).join();
  };
  const known = new Set(JSON.parse(localStorage.getItem(theme) ?? "[]"));
  const counts = new Map();
  const include = newLooks.filter((node) => {
    if (!node.isConnected || !isText(node)) return false;
    const name = nameOf(node), count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return !known.has(name) && count <= 3;
  });
  if (!include.length) return [];
  const how = { runOnly: ["color-contrast"], resultTypes: ["violations", "passes"], elementRef: true, preload: false };
  const { passes, violations } = await axe.run({ include }, how);
  const judged = [...passes, ...violations].flatMap(({ nodes }) => nodes.map(({ element }) => nameOf(element)));
  localStorage.setItem(theme, JSON.stringify([...known, ...judged]));
  return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => ({ html })) }));
}"""
# axe-core looks at links in text by the colours of the theme, and only until it passes: a
# colour that differs by 3 to 1 is enough for it. Here a link in text has a line, a frame or
# another weight than the text in whatever theme.
_LINKS_IN_TEXT = r"""() => {
  const INLINE = /^(inline|contents)/;
  const isSeen = (node) => node.checkVisibility({ visibilityProperty: true });
  const blockOf = (node) => {
    let at = node.parentElement;
    while (at.parentElement && INLINE.test(getComputedStyle(at).display)) at = at.parentElement;
    return at;
  };
  const textsIn = (block) => {
    const walk = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walk.nextNode()) texts.push(walk.currentNode);
    return texts.filter(({ data, parentElement: at }) =>
      /[\p{L}\p{N}]/u.test(data) && isSeen(at) && !at.closest("a[href], button, svg, .visually-hidden") &&
      (at === block || blockOf(at) === block && INLINE.test(getComputedStyle(at).display)));
  };
  const faults = [];
  for (const link of document.querySelectorAll("a[href]")) {
    if (link.closest("svg, nav") || !isSeen(link) || !link.textContent.trim()) continue;
    const { display, textDecorationLine, borderBottomWidth, backgroundColor, fontWeight } = getComputedStyle(link);
    if (!INLINE.test(display) || textDecorationLine.includes("underline") || parseFloat(borderBottomWidth)) continue;
    if (backgroundColor !== "rgba(0, 0, 0, 0)") continue;
    const inner = link.querySelector("strong, b") ? "700" : fontWeight;
    const texts = textsIn(blockOf(link));
    if (!texts.some(({ parentElement }) => getComputedStyle(parentElement).fontWeight === inner)) continue;
    faults.push(`only colour shows this link: ${link.outerHTML.replace(/\s+/g, " ").slice(0, 140)}`);
  }
  return faults;
}"""
_LINK_RULE = {"runOnly": ["link-in-text-block"], "resultTypes": ["violations"], "preload": False}
# The admin's main screens.
ADMIN_KINDS = ("index", "_changelist", "_change")
# What a page is made of. The browser opens some pages that have all parts between them; how
# the others put the same parts together, ``tests/structure.py`` reads faster.
_ELEMENT = re.compile(r"""<([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*"|='[^']*')?)*)\s*/?>""")
_ATTRIBUTE = re.compile(r"""([\w:-]+)(?:=(?:"([^"]*)"|'([^']*)'))?""")
_TELLING = ("type", "role", "scope", "aria-keyshortcuts")
_OF_ONE_MODEL = ("model-", "app-", "field-", "column-")
_LINK = re.compile(r'<(?:a\b|form\b(?=[^>]*\bmethod="get"))[^>]*?\s(?:href|action)="(/[^"]*)"')


def _names(patterns: list[URLPattern | URLResolver], space: str) -> dict[str, str]:
    """Return the route of every named address."""
    routes: dict[str, str] = {}
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else space
            routes |= _names(pattern.url_patterns, inner)
        elif pattern.name:
            routes[f"{space}{pattern.name}"] = str(pattern.pattern)
    return routes


def _view_of(address: str) -> str:
    try:
        return resolve(address.partition("?")[0]).view_name
    except Resolver404:
        return ""


def _is_looked_at(name: str) -> bool:
    if name in NOT_PAGES or name.endswith(_FILE_ENDINGS):
        return False
    if name.startswith("admin:"):
        return name.endswith(ADMIN_KINDS)
    return name.startswith("portal:")


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase
) -> Iterator[Portal]:
    """Serve a copy of the demo by a web server alone.

    A worker's regular work would take a third of the time that all pages take.
    """
    with demo_portal(tmp_path_factory, copy_database, _serving_alone) as made:
        yield made


@contextmanager
def _serving_alone(port: int, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    # gunicorn takes the listening socket, so that clients may connect at once.
    with socket.create_server(("127.0.0.1", port)) as listening:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn"),
                *("--config", "python:acrportal.gunicorn_config"),
                *("--bind", f"fd://{listening.fileno()}", "--workers", "1"),
            ],
            cwd=settings.BASE_DIR,
            env={**environment, "DJANGO_SETTINGS_MODULE": "acrportal.settings"},
            pass_fds=[listening.fileno()],
        )
    try:
        assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=240).ok
        yield server
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.fixture(scope="module")
def made(portal: Portal) -> list[str]:
    """Make one object for every page; return the pages without a link."""
    code = "from tests.e2e.fill import fill; print(*fill(), sep='\\n')"
    return [line for line in portal.shell.run(code).splitlines() if line.startswith("/")]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_no_page_has_a_fault_that_axe_finds_or_that_stops_a_keyboard(
    browser: Browser, portal: Portal, made: list[str], every: bool
) -> None:
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    page.add_init_script(script=Axe().axe_script)
    sign_in(page, portal, "admin")
    names = _names(get_resolver().url_patterns, "")
    plain = [
        f"/{route}" if name.startswith("portal:") else f"/admin/{route}"
        for name, route in names.items()
        if _is_looked_at(name) and "<" not in route and "(" not in route
    ]
    visits = dict.fromkeys(names, 0)
    pages = _read_from(page, [*plain, *made], visits, follow=every)
    missed = [
        name
        for name, route in names.items()
        if every
        and name.startswith("portal:")
        and _is_looked_at(name)
        and not visits[name]
        and _is_page(page, route)
    ]
    assert not missed, f"no link leads to {missed}"

    openers: set[str] = set()
    frames: set[str] = set()
    faults: list[str] = []
    for path in _with_parts(pages, 1 if every else 20):
        name = _view_of(path)
        frame = name.partition(":")[0]
        page.goto(path)
        looks = page.evaluate(_FIND_NEW_LOOKS)
        by_keys = [*faults_of_keys(page), *unlisted_keys(page)]
        if frame == "portal":
            by_keys += page.evaluate(_LINKS_IN_TEXT)
        by_keys += faults_of_openings(page, openers)
        faults += [f"{name}: {fault}" for fault in by_keys]
        taken_out = [_ALIKE, _FRAMES[frame]] if frame in frames else [_ALIKE]
        page.evaluate(_TAKE_OUT, ", ".join(taken_out))
        faults += _faults_of(page, name, looks)
        frames.add(frame)
    assert not faults, "\n".join(faults)
    context.close()


def _read_from(
    page: Page, paths: list[str], visits: dict[str, int], *, follow: bool
) -> dict[str, set[str]]:
    """Read these addresses, or follow all links from them; return the parts of whole pages.

    ``visits`` counts the answers of each view.
    """
    pages: dict[str, set[str]] = {}
    addresses: set[str] = set()
    waiting = deque(paths)
    while waiting:
        path = waiting.popleft()
        name = _view_of(path)
        if path in addresses or not _is_looked_at(name) or visits[name] >= SEVERAL.get(name, 1):
            continue
        addresses.add(path)
        answer = page.request.get(path, max_retries=3)
        assert answer.status < 500, f"{answer.status} {path}"
        if answer.status != 200:
            continue
        visits[name] += 1
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        text = answer.text()
        if follow:
            waiting.extend(map(unescape, _LINK.findall(text)))
        # A fragment is a part of other pages.
        if text.lstrip().lower().startswith("<!doctype"):
            pages[path] = _parts_of(text)
    return pages


def _with_parts(pages: dict[str, set[str]], least: int) -> Iterator[str]:
    """Yield few pages that have the parts of all, the one with the most new ones first.

    Each has at least so many that no page before it has.
    """
    missing = set().union(*pages.values())
    while True:
        path = max(pages, key=lambda path: len(pages[path] & missing))
        if len(pages[path] & missing) < least:
            return
        missing -= pages[path]
        yield path


def _parts_of(text: str) -> set[str]:
    """Return the kinds of elements of a page, each with each class and attribute it has."""
    parts: set[str] = set()
    for tag, attributes in _ELEMENT.findall(text):
        parts.add(tag)
        for name, *values in _ATTRIBUTE.findall(attributes):
            value = "".join(values)
            if name == "class":
                classes = [word for word in value.split() if not word.startswith(_OF_ONE_MODEL)]
                parts.update(f"{tag}.{word}" for word in classes)
            else:
                parts.add(f"{tag}[{name}={value if name in _TELLING else ''}]")
    return parts


def _is_page(page: Page, route: str) -> bool:
    """Return whether an address answers GET."""
    parts = [
        {"<uuid": "00000000-0000-0000-0000-000000000000", "<int": "0"}.get(
            part.split(":")[0], "none" if part.startswith("<") else part
        )
        for part in route.split("/")
    ]
    return page.request.get("/" + "/".join(parts), max_retries=3).status != 405


def _faults_of(page: Page, name: str, looks: int) -> list[str]:
    """Return axe-core's findings, those about new looks in both themes."""
    without = {"rules": {"color-contrast": {"enabled": False}}}
    violations = page.evaluate(_AXE, [{"exclude": NOT_OURS}, _ONLY_FAULTS | without])
    faults = _described(violations, name)
    if not looks:
        return faults
    # The page before was left in the other theme: each change styles everything anew.
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for theme in ("dark", "light") if is_dark else ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        violations = page.evaluate(_CONTRAST, theme)
        violations += page.evaluate(_AXE, [{"exclude": NOT_OURS}, _LINK_RULE])
        faults += _described(violations, f"{name} ({theme})")
    return faults


def _described(violations: list[dict[str, Any]], where: str) -> list[str]:
    return [
        f"{where} {fault['id']}: {node['html'][:160]}"
        for fault in violations
        for node in fault["nodes"][:3]
    ]


def test_a_narrow_window_opens_and_closes_everything_by_keys(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "mira")
    page.set_viewport_size({"width": 390, "height": 844})
    opened: set[str] = set()
    faults = []

    for path in ("/", "/queue/", "/files/"):
        page.goto(path)
        faults += faults_of_openings(page, opened)

    assert not faults, "\n".join(faults)


def test_sign_in_page_has_no_fault_that_axe_finds(browser: Browser, portal: Portal) -> None:
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    page.add_init_script(script=Axe().axe_script)
    page.goto("/accounts/login/")
    looks = page.evaluate(_FIND_NEW_LOOKS)

    assert looks
    assert _faults_of(page, "login", looks) == []
    context.close()

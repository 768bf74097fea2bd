"""Rules for the sources of pages, for what no test renders; see also tests.markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django import forms
from django.conf import settings
from django.urls import get_resolver

from review.choices import MatchState
from scanning.choices import FileStatus
from web.portal.shared import appearance

ROOT = Path(settings.BASE_DIR)
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
SHEETS = sorted((ROOT / "static" / "css").glob("*.css"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# A page inside an evidence pack has to contain its own styles.
SELF_CONTAINED = ROOT / "templates" / "evidence" / "case.html"
_INLINE = re.compile(
    r"\sstyle\s*=|<style\b|\son[a-z]+\s*=|hx-on|javascript:|<script(?![^>]*\bsrc=)"
)
_ELSEWHERE = re.compile(r"@import|url\([\"']?(https?:)?//")
_ICON = re.compile(r"""\{% icon ["']([\w-]+)["']|with icon="([\w-]+)\"""")
# A control called "matches" replaces form.matches() in every browser (HTML standard,
# "named access on the form"), and htmx and our own scripts fail on that page.
HIDDEN_BY_A_NAME = frozenset(
    [
        *("addEventListener", "append", "attributes", "checkValidity", "children"),
        *("classList", "click", "closest", "contains", "dataset", "dispatchEvent"),
        *("elements", "focus", "getAttribute", "hasAttribute", "isConnected"),
        *("matches", "nextElementSibling", "parentElement", "parentNode", "remove"),
        *("querySelector", "querySelectorAll", "removeAttribute", "replaceWith"),
        *("reportValidity", "requestSubmit", "reset", "setAttribute", "submit"),
    ]
)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_templates_hold_nothing_inline() -> None:
    assert len(TEMPLATES) > 200
    assert [
        path for path in TEMPLATES if path != SELF_CONTAINED and _INLINE.search(_read(path))
    ] == []


def test_no_part_of_a_page_replaces_its_body() -> None:
    """Scripts hold the palette and the outbox of the body that they began with."""
    assert [path for path in TEMPLATES if 'hx-target="body"' in _read(path)] == []


def test_templates_name_icons_that_exist() -> None:
    sprite = _read(ROOT / "static" / "img" / "icons.svg")
    named = {name for path in TEMPLATES for name in _ICON.findall(_read(path))}

    assert len(named) > 20
    assert {single or double for single, double in named} <= set(
        re.findall(r'<symbol id="([\w-]+)"', sprite)
    )


def test_styles_and_scripts_load_nothing_from_elsewhere() -> None:
    loading = [*SHEETS, *SCRIPTS]

    assert len(loading) > 20
    assert [path for path in loading if _ELSEWHERE.search(_read(path))] == []


def test_scripts_make_no_markup_from_text() -> None:
    """Only the source shows this: a text of today may be harmless as markup."""
    making = re.compile(r"innerHTML|insertAdjacentHTML|new Function\(|\beval\(")

    assert [path for path in SCRIPTS if making.search(_read(path))] == []


def test_states_of_the_models_are_the_states_that_are_drawn() -> None:
    assert set(appearance.REVIEW_STATES) == set(MatchState.values)
    assert set(appearance.FILE_STATES) == set(FileStatus.values)


def _below(kind: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _below(subclass)


def test_no_field_hides_a_method_of_its_form() -> None:
    # Loads the views, and with them the forms.
    assert get_resolver().url_patterns
    ours = [form for form in _below(forms.BaseForm) if form.__module__.startswith("web.portal.")]
    assert len(ours) > 40
    hidden = [
        f"{form.__module__}.{form.__name__}.{name}"
        for form in ours
        for name in getattr(form, "base_fields", {})
        if name in HIDDEN_BY_A_NAME
    ]
    assert hidden == []

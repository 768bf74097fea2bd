"""Rules of the content security policy and the icon sprite for templates and styles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from portal.shared import looks
from review.choices import MatchState
from scanning.choices import FileStatus

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
SHEETS = sorted((ROOT / "static" / "css").glob("*.css"))
SPRITE = (ROOT / "static" / "img" / "icons.svg").read_text(encoding="utf-8")
SYMBOLS = set(re.findall(r'<symbol id="([\w-]+)"', SPRITE))
# A page inside an evidence pack has to contain its own styles.
SELF_CONTAINED = ROOT / "templates" / "evidence" / "case.html"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(
    "path", [path for path in TEMPLATES if path != SELF_CONTAINED], ids=relative
)
def test_template_holds_nothing_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert not re.search(r"hx-on|javascript:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_template_names_icons_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"""\{% icon ["']([\w-]+)["']""", text)
    named += re.findall(r'with icon="([\w-]+)"', text)

    assert set(named) <= SYMBOLS


@pytest.mark.parametrize("path", [*SHEETS, *SCRIPTS], ids=relative)
def test_styles_and_scripts_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert "@import" not in text
    assert not re.search(r"url\([\"']?(https?:)?//", text)
    assert not re.search(r"\beval\(|new Function\(|innerHTML|insertAdjacentHTML", text)


def test_every_state_has_an_icon_and_a_style() -> None:
    sheets = ROOT / "static" / "css"
    badges = (sheets / "badges.css").read_text(encoding="utf-8")
    pictures = (sheets / "pictures.css").read_text(encoding="utf-8")

    for state, look in looks.REVIEW_STATES.items():
        assert look.icon in SYMBOLS
        assert f".badge--state-{state}" in badges
        assert f".seg--{state}" in pictures
    for state, look in looks.FILE_STATES.items():
        assert look.icon in SYMBOLS
        assert f".badge--{state}" in badges


def test_every_pattern_that_states_use_is_defined() -> None:
    patterns = (ROOT / "templates/components/_patterns.html").read_text(
        encoding="utf-8"
    )

    fills = {looks.pattern_fill(state) for state in looks.REVIEW_STATES} - {""}
    for fill in fills:
        assert f'id="{fill.removeprefix("url(#").removesuffix(")")}"' in patterns


def test_states_of_the_models_are_the_states_that_are_drawn() -> None:
    assert set(looks.REVIEW_STATES) == set(MatchState.values)
    assert set(looks.FILE_STATES) == set(FileStatus.values)


def test_each_theme_token_has_a_light_and_a_dark_value() -> None:
    tokens = (ROOT / "static" / "css" / "tokens.css").read_text(encoding="utf-8")

    named = re.findall(r"^\s+--([\w-]+): #", tokens.split("@media print")[0], re.M)
    assert named == []
    assert tokens.count("light-dark(") > 40

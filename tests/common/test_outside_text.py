"""Texts from outside keep what people read, and lose what nobody sees."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.common.outside_text import is_one_line, one_line
from tests.patterns import product_modules

# Ids, secrets and headers, which hold no language.
IDS = {
    "web.acrapi.idempotency",
    "web.acrapi.lookup",
    "web.acrapi.views.identify",
    "web.acrapi.views.uploads",
    "base.jobs.listing",
    "recognition.commands.credentials",
    "scanning.services.callbacks",
}
# What a font can draw, and what a terminal must not obey.
DRAWN = {"reports.pdf", "recognition.commands.console"}


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d🎤", "👩\u200d🎤"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
        ("newer \U0001fae8", "newer \U0001fae8"),
        ("a\u202eb\u2066c\u200bd\x00\x1be\ufeff\xad", "abcde"),
        ("two\r\nlines\u2028more\xa0", "two  lines more"),
        ("\u200d \u200c", ""),
        ("half \ud800", "half"),
    ],
)
def test_a_line_keeps_letters_and_loses_what_is_unseen(given_text: str, text: str) -> None:
    assert one_line(given_text) == text


@given(st.text(), st.integers(1, 20))
def test_a_line_is_one_line_and_short(text: str, most: int) -> None:
    line = one_line(text, most)

    assert is_one_line(line)
    assert len(line) <= most
    assert one_line(line, most) == line


def test_no_other_place_has_a_rule_of_its_own() -> None:
    places = {
        module
        for module, tree in product_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "isprintable"
    }

    assert places == IDS | DRAWN

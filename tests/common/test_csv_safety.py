"""The guard against formulas in spreadsheets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common.csv_safety import guard, unguard


@given(st.text())
def test_guarded_text_comes_back_as_it_was(text: str) -> None:
    assert unguard(guard(text)) == text


@given(st.sampled_from("=+-@\t\r\0＝＋－＠"), st.text())
def test_text_that_a_spreadsheet_would_run_is_guarded(first: str, rest: str) -> None:
    assert guard(first + rest).startswith("'")

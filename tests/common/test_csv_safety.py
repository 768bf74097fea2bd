"""The guard against formulas in spreadsheets."""

from __future__ import annotations

import re
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from base.common.csv_safety import GuardedWriter, guard, unguard
from tests import product
from tests.allowed import PLAIN_CSV


@given(st.text())
def test_guarded_text_comes_back_as_it_was(text: str) -> None:
    assert unguard(guard(text)) == text


@given(st.sampled_from("=+-@\t\r\0＝＋－＠"), st.text())
def test_text_that_a_spreadsheet_would_run_is_guarded(first: str, text: str) -> None:
    assert guard(first + text).startswith("'")


def test_every_writer_of_csv_guards_or_says_why_not() -> None:
    plain = {
        product.name_of(path)
        for path in product.files(".py")
        if re.search(r"\bcsv\.(Dict)?[wW]riter\(", path.read_text(encoding="utf-8"))
    }

    assert plain == set(PLAIN_CSV)


def test_a_guarded_writer_guards_every_cell() -> None:
    file = StringIO(newline="")

    GuardedWriter(file).write(["plain", "=1+1", '@"x"'])

    assert file.getvalue() == 'plain,\'=1+1,"\'@""x"""\r\n'

"""Cells: every type as specified, written and read back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from base.common.csv_safety import unguard
from base.common.table_text import join_list
from reports.cells import Value, ValueType, offset
from tests.reports.cells import as_text, split_items

TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("'=+-@\t\r\n\0|\\\",;＝＋－＠")
    )
)


def test_each_type_is_written_as_specified() -> None:
    for total_ms, at in (
        (0, "00:00:00.000"),
        (70_000, "00:01:10.000"),
        (98_042_480, "27:14:02.480"),
        (360_000_001, "100:00:00.001"),
    ):
        assert offset(total_ms) == at

    cases: tuple[tuple[Value, ValueType, str], ...] = (
        (None, ValueType.TEXT, ""),
        (0, ValueType.INTEGER, "0"),
        (-5, ValueType.INTEGER, "-5"),
        (Decimal("-2.50"), ValueType.DECIMAL, "-2.50"),
        (Decimal("1E+1"), ValueType.DECIMAL, "10"),
        (True, ValueType.YES_NO, "yes"),
        (False, ValueType.YES_NO, "no"),
        ("-5", ValueType.TEXT, "'-5"),
        ("=1+1", ValueType.TEXT, "'=1+1"),
        ("'=x", ValueType.TEXT, "''=x"),
        ("＝1", ValueType.TEXT, "'＝1"),
        ("\n=1", ValueType.TEXT, "'\n=1"),
        ("'plain", ValueType.TEXT, "'plain"),
        ("2016-06", ValueType.DATE, "2016-06"),
        (["A|B", "C\\D"], ValueType.LIST, "A\\|B|C\\\\D"),
        (["=x"], ValueType.LIST, "'=x"),
        ([], ValueType.LIST, ""),
        (70_000, ValueType.OFFSET, "00:01:10.000"),
        (
            datetime(2026, 5, 2, 12, 0, 0, 999_999, tzinfo=UTC),
            ValueType.TIME,
            "2026-05-02T12:00:00Z",
        ),
        (
            datetime(2026, 5, 2, 1, 30, tzinfo=timezone(timedelta(hours=2))),
            ValueType.TIME,
            "2026-05-01T23:30:00Z",
        ),
    )
    for value, kind, written in cases:
        assert as_text(value, kind) == written
    assert join_list([]) == ""
    assert split_items("") == []


@given(TEXT)
def test_any_text_survives_and_no_cell_begins_as_a_formula(text: str) -> None:
    cell = as_text(text, ValueType.TEXT)
    assert not cell.startswith(tuple("=+-@\t\r\n\0＝＋－＠"))

    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow([cell, "x"])
    read = next(csv.reader(io.StringIO(buffer.getvalue(), newline="")))
    assert unguard(read[0]) == text


@given(st.lists(TEXT, min_size=1).filter(lambda items: items != [""]))
def test_any_list_survives_write_and_read(items: list[str]) -> None:
    assert split_items(unguard(as_text(items, ValueType.LIST))) == items

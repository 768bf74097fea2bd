"""The fields of CWR records: any text, and values at their positions."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from plugins.rights.importing.cwr_records import LAYOUTS, RecordField, read_record


def _word(field: RecordField) -> st.SearchStrategy[str]:
    if field.codes:
        # Codes are short enough for their fields.
        return st.sampled_from(sorted(field.codes))
    letters = string.ascii_uppercase + string.digits + "-'&/ "
    return st.text(letters, min_size=1, max_size=field.size).filter(str.strip)


def _digits(field: RecordField) -> st.SearchStrategy[str]:
    return st.integers(0, 10**field.size - 1).map(lambda n: f"{n:0{field.size}d}")


_VALUES: dict[str, Callable[[RecordField], st.SearchStrategy[str]]] = {
    "A": _word,
    "N": _digits,
    "S": lambda _field: st.integers(0, 10_000).map(lambda n: f"{n:05d}"),
    "D": lambda _field: st.dates(date(1900, 1, 1)).map(lambda day: f"{day:%Y%m%d}"),
    # Zeros stand for an empty time.
    "T": lambda _field: st.times(time(0, 0, 1)).map(lambda at: f"{at:%H%M%S}"),
}


@given(st.sampled_from(sorted(LAYOUTS)), st.sampled_from(["2.1", "2.2"]), st.text(max_size=600))
def test_any_text_is_read_or_named_as_a_fault(kind: str, version: str, body: str) -> None:
    record, faults = read_record(kind + body, line=7, version=version)

    assert record.type == kind
    assert all(fault.line == 7 and fault.rule for fault in faults)
    assert all(share >= 0 for share in record.shares.values())
    names = {field.name for field in LAYOUTS[kind].fields if field.since <= version}
    assert {*record.texts, *record.shares, *record.dates} <= names


@given(st.data())
def test_what_is_written_at_a_position_is_read_from_there(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(LAYOUTS)))
    version = data.draw(st.sampled_from(["2.1", "2.2"]))
    layout = LAYOUTS[kind]
    fields = [field for field in layout.fields if field.since <= version]
    given_values = {field.name: data.draw(_VALUES[field.kind](field)) for field in fields}
    text = kind.ljust(layout.length(version))
    for field in fields:
        written = given_values[field.name]
        assert len(written) <= field.size
        text = text[: field.start - 1] + written.ljust(field.size) + text[field.end :]

    record, faults = read_record(text, line=1, version=version)

    assert faults == []
    for field in fields:
        written = given_values[field.name]
        if field.kind == "S":
            assert record.shares[field.name] == Decimal(written) / 100
        elif field.kind == "D":
            assert f"{record.dates[field.name]:%Y%m%d}" == written.strip()
        else:
            assert record[field.name] == written.strip()

"""Columns of reports about what is on air, and what ready-made reports have of them."""

from __future__ import annotations

from reports.choices import Mode
from reports.layouts import schema_of
from reports.presets import presets

_OF_STREAMS = ["station", "stream", "aired_at"]
_OF_BROADCASTS = ["channels", "first_broadcast_at"]


def names_of(mode: Mode) -> list[str]:
    return [field.name for field in schema_of(mode).fields]


def test_columns_follow_those_of_the_core() -> None:
    names = names_of(Mode.MATCH)

    at = names.index("notes") + 1
    assert names[at : at + 4] == [*_OF_STREAMS, "excluded_ms"]
    for mode in (Mode.MATCH, Mode.SEGMENT, Mode.FILE):
        names = names_of(mode)
        at = names.index("tags") + 1
        assert names[at : at + 2] == _OF_BROADCASTS, mode
    assert not {*_OF_STREAMS} & {*names_of(Mode.SEGMENT), *names_of(Mode.FILE)}


def test_reports_of_the_week_name_the_stations() -> None:
    columns = {
        str(preset.name): [column for column in preset.layout.columns if column in _OF_BROADCASTS]
        for preset in presets()
        if preset.week_of
    }

    assert columns == {
        "Claims of the week": ["channels"],
        "Music of the week": _OF_BROADCASTS,
        "Files of the week": ["channels"],
    }

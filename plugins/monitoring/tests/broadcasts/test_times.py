"""Local times of stations: read strictly, checked against the clocks there."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.monitoring.broadcasts.times import (
    MOST_MS,
    length_text,
    local_text,
    moments,
    read_length,
    read_month,
    read_start,
)
from review.programmes.errors import ProgrammeRefused

_LOCAL_1990 = datetime.fromisoformat("1990-01-01")
_LOCAL_2090 = datetime.fromisoformat("2090-01-01")
ZONES = ("UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe")


@given(at=st.datetimes(_LOCAL_1990, _LOCAL_2090), zone=st.sampled_from(ZONES))
def test_what_is_written_for_a_moment_is_read_as_that_moment(at: datetime, zone: str) -> None:
    moment = at.replace(tzinfo=UTC, microsecond=0)
    assert read_start(local_text(moment, zone), zone) == moment
    local = datetime.fromisoformat(local_text(moment, zone)).replace(tzinfo=None)
    assert moment in moments(local, zone)


@given(st.integers(1, MOST_MS))
def test_what_is_written_for_a_length_is_read_as_that_length(length: int) -> None:
    assert read_length(length_text(length)) == length


@given(st.text(max_size=40))
def test_any_text_is_a_start_or_refused(text: str) -> None:
    with suppress(ProgrammeRefused):
        assert read_start(text, "Europe/Zurich").tzinfo is UTC


def test_a_time_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(ProgrammeRefused, match="skipped 2026-03-29 02:30"):
        read_start("2026-03-29 02:30", "Europe/Zurich")
    assert read_start("2026-03-29T03:00", "Europe/Zurich") == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_that_the_clock_shows_twice_needs_an_offset() -> None:
    with pytest.raises(ProgrammeRefused, match=r"02:30:00\+02:00 or .*\+01:00") as error:
        read_start("2026-10-25 02:30", "Europe/Zurich")
    assert error.value.code == "doubled"
    first = read_start("2026-10-25T02:30:00+02:00", "Europe/Zurich")
    second = read_start("2026-10-25 02:30+01:00", "Europe/Zurich")
    assert second - first == timedelta(hours=1)


def test_an_offset_that_the_station_does_not_have_is_refused() -> None:
    with pytest.raises(ProgrammeRefused, match="Correct the time"):
        read_start("2026-11-03T07:00+02:00", "Europe/Zurich")
    # Universal time is always clear.
    assert read_start("2026-11-03T06:00Z", "Europe/Zurich").hour == 6


def test_text_that_is_no_start_or_length_is_refused() -> None:
    for text in (*("", "2026-11-03", "3.11.2026 07:00", "2026-02-30 07:00"), "0001-01-01 00:00"):
        with pytest.raises(ProgrammeRefused):
            read_start(text, "UTC")
    for text in ("0:00:00", "1:60:00", "30:00", "168:00:01", "-1:00:00"):
        with pytest.raises(ProgrammeRefused):
            read_length(text)


def test_months() -> None:
    assert read_month(" 2026-11 ") == read_month("2026-11-01") == date(2026, 11, 1)
    for text in ("2026-13", "2026", "11/2026", "2026-11-02"):
        with pytest.raises(ProgrammeRefused):
            read_month(text)

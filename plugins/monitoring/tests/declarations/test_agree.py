"""What formats write, readers of other authors read: same plays, sums and order."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given

from base.common.csv_safety import unguard
from plugins.monitoring.declarations.facts import DeclarationFacts
from plugins.monitoring.declarations.formats.bmi.format import BMI_LOG
from plugins.monitoring.declarations.formats.dsr.format import DSR_RADIO
from plugins.monitoring.declarations.formats.soundexchange.format import (
    SOUNDEXCHANGE,
    SOUNDEXCHANGE_BARE,
    SoundExchangeReport,
)
from plugins.monitoring.declarations.formats.suisa.format import (
    SUISA,
    SUISA_XLSX,
    SuisaLog,
    SuisaWorkbook,
)
from plugins.monitoring.declarations.formats.texts import in_ascii
from plugins.monitoring.tests.declarations.drawn import declarations, fitting
from plugins.monitoring.tests.declarations.readers import bmi, dsr, soundexchange, suisa
from plugins.monitoring.tests.declarations.samples import (
    RECORDING,
    STATION,
    ZURICH,
    facts,
    play,
    written,
)

SECOND = replace(
    RECORDING,
    uid="rec_second",
    own_id="r_02",
    title="Größe | ^Œuvre^",
    artists=("Ферри", "B"),
    isrc="QZAA02600002",
    iswc="",
    duration_ms=3_723_500,
)


@pytest.fixture
def november() -> DeclarationFacts:
    """Return a month of two stations with two recordings, from its first second on."""
    inland = replace(STATION, uid="st_inland", name="Inland FM", soundexchange_category="A")
    starts_at = datetime(2026, 11, 1, tzinfo=ZURICH)
    last = datetime(2026, 11, 30, 23, 59, 59, tzinfo=ZURICH)
    plays = (
        play(1, starts_at=starts_at),
        play(2, starts_at=starts_at + timedelta(minutes=4), recording=SECOND.uid),
        play(3, starts_at=last, played_ms=61_000),
        play(4, starts_at=starts_at, station=inland.uid, recording=SECOND.uid),
    )
    return facts(stations=(STATION, inland), recordings=(RECORDING, SECOND), plays=plays)


def of_first_station(declared: DeclarationFacts) -> DeclarationFacts:
    first, *_stations = declared.stations
    plays = tuple(play for play in declared.plays if play.station == first.uid)
    return replace(declared, stations=(first,), plays=plays)


def test_dsr_says_who_played_what_how_often(november: DeclarationFacts) -> None:
    content, totals = written(DSR_RADIO, november)

    message = dsr.parse(content, DSR_RADIO.file_name(november))

    assert [(play.station, play.recording, play.count) for play in message.plays()] == [
        ("Harbour FM", "r_01", 2),
        ("Harbour FM", "r_02", 1),
        ("Inland FM", "r_02", 1),
    ]
    result = message.totals()
    assert (result.plays, result.recordings, result.lines) == (
        totals.plays,
        totals.recordings,
        totals.lines,
    )
    first, second = message.blocks
    assert (first.isrc, first.iswc, first.duration_ms) == (
        *("QZAA02600001", "T9000000011"),
        192_000,
    )
    assert first.writers == (("Anna Muster", "IPI::00000815140"),)
    assert first.publishers == (("Example Music", "IPI::00000471148"),)
    assert (second.title, second.artist) == ("Größe / ^Œuvre^", "Ферри, B")
    assert second.duration_ms == 3_723_500


@given(declarations())
def test_dsr_is_read_whatever_it_says(declared: DeclarationFacts) -> None:
    declared = fitting(DSR_RADIO, declared)
    # The reader takes our number for the recording's identity.
    recordings = tuple(
        replace(recording, own_id=f"{recording.own_id}{recording.uid}")
        for recording in declared.recordings
    )
    declared = replace(declared, recordings=recordings)

    content, totals = written(DSR_RADIO, declared)

    # The reader checks cells, sums and order.
    result = dsr.parse(content, DSR_RADIO.file_name(declared)).totals()
    assert (result.plays, result.recordings, result.lines) == (
        totals.plays,
        totals.recordings,
        totals.lines,
    )
    assert totals.plays == len(declared.plays)
    assert b"\\" not in content


@pytest.mark.parametrize("layout", [SOUNDEXCHANGE, SOUNDEXCHANGE_BARE])
def test_soundexchange_says_how_many_heard_what(
    layout: SoundExchangeReport, november: DeclarationFacts
) -> None:
    content, totals = written(layout, november)

    report = soundexchange.parse(content, layout.file_name(november))

    assert [(row.category, row.isrc, row.performances) for row in report.rows] == [
        ("B", "QZAA02600001", 137 + 138),
        ("B", "QZAA02600002", 137),
        ("A", "QZAA02600002", 138),
    ]
    assert report.lines == totals.lines
    title = "GROSSE | ^OEUVRE^" if layout is SOUNDEXCHANGE else "GROSSE / /OEUVRE/"
    assert report.rows[1].title == title
    assert report.rows[1].artist == "FERRI, B"


@pytest.mark.parametrize("layout", [SOUNDEXCHANGE, SOUNDEXCHANGE_BARE])
def test_hours_of_listening_are_read(
    layout: SoundExchangeReport, november: DeclarationFacts
) -> None:
    stations = [
        replace(station, soundexchange_category=category)
        for station, category in zip(november.stations, "IK", strict=True)
    ]
    plays = [replace(play, listeners=None) for play in november.plays]
    declared = replace(november, stations=stations, plays=plays)

    content, _totals = written(layout, declared)

    report = soundexchange.parse(content, layout.file_name(declared))
    assert [(row.channel, row.frequency, row.tuning_hours) for row in report.rows] == [
        ("HARBOUR FM", 2, "1480.5"),
        ("HARBOUR FM", 1, "1480.5"),
        ("INLAND FM", 1, "1480.5"),
    ]


@pytest.mark.parametrize("layout", [SOUNDEXCHANGE, SOUNDEXCHANGE_BARE])
@given(declared=declarations())
def test_soundexchange_is_read_whatever_it_says(
    layout: SoundExchangeReport, declared: DeclarationFacts
) -> None:
    declared = fitting(layout, declared)

    content, totals = written(layout, declared)

    report = soundexchange.parse(content, layout.file_name(declared))
    heard = sum(play.listeners or 0 for play in declared.plays)
    assert sum(row.performances or 0 for row in report.rows) == heard
    assert report.lines == totals.lines


@pytest.mark.parametrize("layout", [SUISA, SUISA_XLSX])
def test_suisa_says_each_play(layout: SuisaLog | SuisaWorkbook, november: DeclarationFacts) -> None:
    declared = of_first_station(november)

    content, totals = written(layout, declared)

    report = suisa.parse(content, layout.file_name(declared))
    titles = {recording.uid: recording.title for recording in declared.recordings}
    assert [
        (row.starts_at, row.played_ms, row.title, row.own_recording) for row in report.rows
    ] == [
        (play.starts_at.replace(tzinfo=None), play.played_ms, titles[play.recording], False)
        for play in declared.plays
    ]
    result = report.totals()
    assert (result.plays, result.recordings, result.lines, result.played_ms) == (
        totals.plays,
        totals.recordings,
        totals.lines,
        totals.played_ms,
    )


@given(declarations())
def test_suisa_is_read_whatever_it_says(declared: DeclarationFacts) -> None:
    declared = fitting(SUISA, of_first_station(declared))
    # The reader refuses plays that last less than a second.
    plays = tuple(replace(play, played_ms=play.played_ms + 1_000) for play in declared.plays)
    declared = replace(declared, plays=plays)
    numbers = {recording.uid: recording.own_id for recording in declared.recordings}

    content, totals = written(SUISA, declared)

    report = suisa.parse(content, SUISA.file_name(declared))
    assert report.lines == totals.lines == content.count(b"\r\n") == len(plays) + 1
    assert len(report.rows) == totals.plays
    for row, declared_play in zip(report.rows, plays, strict=True):
        assert row.played_ms == (declared_play.played_ms + 500) // 1000 * 1000
        if numbers[declared_play.recording].isalnum():
            assert unguard(row.own_id) == numbers[declared_play.recording]
    for cells in csv.reader(io.StringIO(content.decode(), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_bmi_says_each_play(november: DeclarationFacts) -> None:
    content, totals = written(BMI_LOG, november)

    logs = bmi.parse_all(content, BMI_LOG.file_name(november))

    titles = {recording.uid: in_ascii(recording.title).text for recording in november.recordings}
    names = {station.uid: station.name.upper() for station in november.stations}
    assert [
        (row.station, row.starts_at, row.played_ms, row.title, row.use)
        for log in logs
        for row in log.rows
    ] == [
        (
            names[play.station],
            play.starts_at.replace(tzinfo=None),
            play.played_ms,
            titles[play.recording].upper(),
            "F1",
        )
        for play in november.plays
    ]
    assert sum(log.lines for log in logs) == totals.lines


@given(declarations())
def test_bmi_is_read_whatever_it_says(declared: DeclarationFacts) -> None:
    declared = fitting(BMI_LOG, declared)

    content, totals = written(BMI_LOG, declared)

    logs = bmi.parse_all(content, BMI_LOG.file_name(declared))
    assert sum(len(log.rows) for log in logs) == totals.plays == len(declared.plays)
    assert sum(log.lines for log in logs) == totals.lines
    assert not any(re.search("[a-z]", row.title) for log in logs for row in log.rows)


def test_both_hours_when_clocks_go_back_are_read(november: DeclarationFacts) -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH)
    plays = (play(1, starts_at=first), play(2, starts_at=first.replace(fold=1)))
    declared = facts(
        begins=first.date().replace(day=1), ends=first.date().replace(day=31), plays=plays
    )

    report = suisa.parse(written(SUISA, declared)[0], SUISA.file_name(declared))
    (log,) = bmi.parse_all(written(BMI_LOG, declared)[0], BMI_LOG.file_name(declared))

    local = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - a clock on a wall
    assert [row.starts_at for row in report.rows] == [local, local]
    assert [row.starts_at for row in log.rows] == [local, local]

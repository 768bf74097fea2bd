"""BMI's radio log: positions, one log for each station, uses, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plugins.monitoring.declarations.facts import Contributor, DeclarationFacts
from plugins.monitoring.declarations.formats.base import MandatoryMissing
from plugins.monitoring.declarations.formats.bmi.format import BMI_LOG
from plugins.monitoring.tests.declarations.samples import (
    STATION,
    ZURICH,
    facts,
    missing,
    play,
    unzipped,
    with_recording,
    with_station,
    written,
)

GOLDEN = Path(__file__).parent / "golden"


def log(declared: DeclarationFacts) -> list[str]:
    logs = unzipped(written(BMI_LOG, declared)[0]).values()
    return [line for text in logs for line in text.split("\r\n")[1:-2]]


def test_the_sample_of_the_specification_is_written_without_the_kind_of_music() -> None:
    declared = facts(plays=(play(1),))

    content, totals = written(BMI_LOG, declared)

    assert unzipped(content) == {
        "01_Harbour-FM_20261103.txt": (GOLDEN / "bmi_log.txt").read_bytes().decode()
    }
    assert BMI_LOG.file_name(declared) == "BMI_FM_20261101-20261130.zip"
    assert (totals.plays, totals.played_ms, totals.recordings) == (1, 192_000, 1)
    assert totals.lines == 3
    assert totals.changed == ()


def test_each_day_of_each_station_has_its_log() -> None:
    other_station = replace(STATION, uid="st_other", name="harbour fm", call_sign="WHFM")
    plays = (play(1), play(1), play(2), play(3, station="st_other"))

    content, totals = written(BMI_LOG, facts(stations=(STATION, other_station), plays=plays))

    logs = unzipped(content)
    assert list(logs) == [
        "01_Harbour-FM_20261103.txt",
        "01_Harbour-FM_20261104.txt",
        "02_WHFM_20261105.txt",
    ]
    assert [text.split("\r\n")[-2] for text in logs.values()] == [
        "TRLR000000000004",
        "TRLR000000000003",
        "TRLR000000000003",
    ]
    assert [text[46:54] for text in logs.values()] == [*("20261103", "20261104", "20261105")]
    assert totals.lines == 10


def test_times_and_lengths_are_rounded_together() -> None:
    day = datetime(2026, 11, 3, tzinfo=ZoneInfo("Europe/Zurich"))
    plays = (
        play(1, starts_at=day.replace(hour=6, microsecond=600_000)),
        play(2, starts_at=day.replace(hour=23, minute=59, second=59, microsecond=600_000)),
    )
    declared = facts(
        plays=tuple(replace(play, start_ms=0, end_ms=10_500, played_ms=10_500) for play in plays)
    )

    lines = [line for line in log(declared) if "00:00:10" in line]
    assert ["06:00:01" in line for line in lines] == [True, False]
    assert "23:59:59" in lines[1]


def test_a_day_that_comes_again_at_midnight_has_one_log() -> None:
    # Clocks in Beirut go back from midnight to 23:00.
    beirut = ZoneInfo("Asia/Beirut")
    first = datetime(2025, 10, 25, 23, 30, tzinfo=beirut)
    plays = (
        play(1, starts_at=first),
        play(2, starts_at=datetime(2025, 10, 26, 0, 30, tzinfo=beirut)),
        play(3, starts_at=first.replace(fold=1)),
        play(4, starts_at=datetime(2025, 10, 28, tzinfo=beirut)),
    )

    logs = unzipped(written(BMI_LOG, facts(plays=plays))[0])

    assert {name: text.count("FMDT") - 1 for name, text in logs.items()} == {
        "01_Harbour-FM_20251025.txt": 2,
        "01_Harbour-FM_20251026.txt": 1,
        "01_Harbour-FM_20251028.txt": 1,
    }


def test_uses_have_their_codes() -> None:
    for values, code in [
        ({"usage": "featured"}, "F1"),
        ({"usage": "background"}, "B "),
        ({"usage": "featured", "use": "Theme"}, "TT"),
        ({"usage": "", "use": "Background"}, "B "),
        ({"usage": "featured", "use": "OnScreenMusic"}, "F1"),
    ]:
        (line,) = log(facts(plays=(play(1, **values),)))

        assert line[255:257] == code, code


def test_types_of_stations_have_their_codes() -> None:
    for kind, code in [
        ("am_radio", "AM"),
        ("fm_radio", "FM"),
        ("dab_radio", "OT"),
        ("web_radio", "OT"),
    ]:
        assert log(with_station(type=kind))[0][44:46] == code, kind


def test_long_texts_are_cut_and_listed() -> None:
    declared = with_recording(title="x" * 10_000, artists=("Ñandú",))

    content, totals = written(BMI_LOG, declared)

    text, *_unzipped = unzipped(content).values()
    line = text.split("\r\n")[1]
    assert len(line) == 279
    assert line[104:144] == "X" * 40
    assert line[144:184].rstrip() == "NANDU"
    assert len(totals.changed) == 2


def test_a_composer_that_ascii_cannot_hold_is_left_out_and_listed() -> None:
    content, totals = written(BMI_LOG, with_recording(writers=(Contributor("山田", "C"),), isrc=""))

    text, *_unzipped = unzipped(content).values()
    assert text.split("\r\n")[1][184:224] == " " * 40
    assert len(totals.changed) == 1


def test_times_are_local_and_the_month_is_theirs() -> None:
    first = datetime(2026, 10, 31, 23, 59, 59, tzinfo=ZURICH)
    second = datetime(2026, 11, 1, 0, 0, 0, tzinfo=ZURICH)
    plays = (play(1, starts_at=first), play(2, starts_at=second))

    lines = [line[71:95] for line in log(facts(plays=plays))]

    assert lines == ["202610012026103123:59:59", "202611012026110100:00:00"]


def test_each_missing_or_impossible_value_is_named_and_nothing_is_written() -> None:
    for declared, gap in [
        (facts(stations=(), recordings=(), plays=()), "profile STATION"),
        (with_station(type="tv_station"), "station st_harbour TYPE"),
        (with_station(name="夜"), "station st_harbour STATION"),
        (with_recording(title=""), "recording rec_blue TITLE"),
        (with_recording(artists=("夜",)), "recording rec_blue ARTIST"),
        (with_recording(isrc="QZAA0260001"), "recording rec_blue ISRC"),
        (facts(plays=(play(1, usage=""),)), "play play_1 USE"),
        (facts(plays=(play(1, usage="", use="AudioLogo"),)), "play play_1 USE"),
        (facts(plays=(play(1, played_ms=360_000_000),)), "play play_1 LENGTH"),
    ]:
        assert missing(BMI_LOG, declared) == [gap], gap
        with pytest.raises(MandatoryMissing):
            written(BMI_LOG, declared)

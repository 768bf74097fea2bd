"""SoundExchange's report of use: rows, header, characters, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from plugins.monitoring.declarations.facts import DeclarationFacts
from plugins.monitoring.declarations.formats.base import MandatoryMissing, WrittenDeclaration
from plugins.monitoring.declarations.formats.soundexchange.format import (
    SOUNDEXCHANGE,
    SOUNDEXCHANGE_BARE,
    SoundExchangeReport,
)
from plugins.monitoring.tests.declarations.samples import (
    SENDER,
    STATION,
    facts,
    missing,
    play,
    unzipped,
    with_recording,
    with_station,
    written,
)

GOLDEN = Path(__file__).parent / "golden"
BOTH = pytest.mark.parametrize("layout", [SOUNDEXCHANGE, SOUNDEXCHANGE_BARE])


def report(
    layout: SoundExchangeReport, declared: DeclarationFacts
) -> tuple[list[str], WrittenDeclaration]:
    content, totals = written(layout, declared)
    (text,) = unzipped(content).values()
    assert text.isascii()
    assert text.endswith("\r\n")
    return text.split("\r\n")[:-1], totals


def test_the_sample_of_the_specification_is_written() -> None:
    for layout, golden in [
        (SOUNDEXCHANGE, "soundexchange.txt"),
        (SOUNDEXCHANGE_BARE, "soundexchange_bare.txt"),
    ]:
        declared = facts(service="Harbour FM")

        content, totals = written(layout, declared)

        assert unzipped(content) == {
            "HarbourFM20261101-20261130.txt": (GOLDEN / golden).read_bytes().decode()
        }, golden
        assert layout.file_name(declared) == "HarbourFM20261101-20261130.zip", golden
        assert (totals.plays, totals.played_ms, totals.recordings) == (3, 576_000, 1), golden
        assert totals.changed == (), golden


def test_stations_of_one_category_share_a_row_and_others_do_not() -> None:
    same = replace(STATION, uid="st_same", name="Inland FM")
    talk = replace(STATION, uid="st_talk", name="Talk", soundexchange_category="C")
    plays = (
        play(1, listeners=1),
        play(2, station="st_same", listeners=10),
        play(3, station="st_talk", listeners=100),
    )

    lines, totals = report(SOUNDEXCHANGE_BARE, facts(stations=(STATION, same, talk), plays=plays))

    assert [(line.split("|")[1], line.split("|")[7]) for line in lines] == [
        ("^B^", "11"),
        ("^C^", "100"),
    ]
    assert totals.lines == 2


def test_a_mixed_report_has_all_columns_in_each_row() -> None:
    hours = replace(STATION, uid="st_hours", soundexchange_category="K")
    plays = (play(1), play(2, station="st_hours", listeners=None))

    lines, _totals = report(SOUNDEXCHANGE, facts(stations=(STATION, hours), plays=plays))

    assert {line.count("|") for line in lines[13:]} == {10}
    assert lines[9] == "2"


def test_a_version_is_part_of_the_title() -> None:
    lines, _totals = report(SOUNDEXCHANGE_BARE, with_recording(version_title="Live"))

    assert "|^BLUE LANTERN (LIVE)^|" in lines[0]


def test_texts_are_transliterated_and_listed() -> None:
    declared = with_recording(
        title="Größe – ½ “Œuvre”\tŻółć", artists=("Mötley Ферри",), album="夜の桟橋"
    )

    lines, totals = report(SOUNDEXCHANGE_BARE, declared)

    assert lines[0].split("|")[2:6] == [
        "^MOTLEY FERRI^",
        '^GROSSE - 1/2 "OEUVRE" ZOLC^',
        "^QZAA02600001^",
        "",
    ]
    assert len(totals.changed) == 3
    assert totals.changed[2] == "ALBUM_TITLE: “夜の桟橋” cannot be written and is left out."


def test_the_header_names_delimiters_that_do_not_occur() -> None:
    lines, totals = report(SOUNDEXCHANGE, with_recording(title="A^B|C", album="D~E"))

    assert lines[10:12] == ["`", ";"]
    assert lines[14].split(";")[3] == "`A^B|C`"
    assert totals.changed == ()


def test_without_header_the_fixed_delimiters_are_replaced_and_listed() -> None:
    lines, totals = report(SOUNDEXCHANGE_BARE, with_recording(title="A^B|C"))

    assert lines[0].split("|")[3] == "^A/B/C^"
    assert len(totals.changed) == 1


def test_delimiters_that_all_occur_are_replaced() -> None:
    lines, _totals = report(SOUNDEXCHANGE, with_recording(title="^~`", album="|;\\"))

    assert lines[14].split("|")[3] == "^/~`^"
    assert lines[14].count("|") == 7


@BOTH
def test_each_missing_or_impossible_value_is_named_and_nothing_is_written(
    layout: SoundExchangeReport,
) -> None:
    for declared, gap in [
        (facts(service=""), "profile NAME_OF_SERVICE"),
        (facts(service="夜"), "profile NAME_OF_SERVICE"),
        (facts(stations=(), recordings=(), plays=()), "profile TRANSMISSION_CATEGORY"),
        (facts(ends=date(2026, 11, 29)), "profile START_DATE"),
        (with_station(soundexchange_category=""), "station st_harbour TRANSMISSION_CATEGORY"),
        (with_station(soundexchange_category="D"), "station st_harbour TRANSMISSION_CATEGORY"),
        (with_recording(artists=("",)), "recording rec_blue FEATURED_ARTIST"),
        (with_recording(title="夜の桟橋"), "recording rec_blue SOUND_RECORDING_TITLE"),
        (with_recording(title="🎷"), "recording rec_blue SOUND_RECORDING_TITLE"),
        (with_recording(isrc="", label=""), "recording rec_blue ISRC"),
        (with_recording(isrc="nonsense"), "recording rec_blue ISRC"),
        (with_recording(isrc="", album="夜"), "recording rec_blue ALBUM_TITLE"),
        (
            facts(plays=(play(1, listeners=None), play(2))),
            "audience play_1 ACTUAL_TOTAL_PERFORMANCES",
        ),
    ]:
        assert missing(layout, declared) == [gap], gap
        with pytest.raises(MandatoryMissing):
            written(layout, declared)


def test_only_the_header_needs_the_sender() -> None:
    for field in ("contact", "street", "city", "phone", "email"):
        for value in ("", "夜", "x" * 256):
            declared = facts(sender=replace(SENDER, **{field: value}))

            (gap,) = missing(SOUNDEXCHANGE, declared)
            assert gap.startswith("profile "), (field, value)
            assert missing(SOUNDEXCHANGE_BARE, declared) == []


def test_hours_of_listening_must_be_known_where_they_stand_for_performances() -> None:
    station = replace(STATION, soundexchange_category="H", listener_hours=None)
    declared = facts(stations=(station,), plays=(play(1, listeners=None),))

    assert missing(SOUNDEXCHANGE, declared) == ["figures st_harbour AGGREGATE_TUNING_HOURS"]


def test_a_service_at_the_minimum_fee_may_give_hours_for_seven_days() -> None:
    declared = facts(
        begins=date(2026, 11, 2), ends=date(2026, 11, 8), plays=(play(1, listeners=None),)
    )

    lines, _totals = report(SOUNDEXCHANGE_BARE, declared)

    assert lines[0].split("|")[7:] == ["", "1480.5", "^HARBOUR FM^", "1"]


def test_album_and_label_stand_for_the_isrc() -> None:
    lines, _totals = report(SOUNDEXCHANGE_BARE, with_recording(isrc=""))

    assert lines[0].split("|")[4] == ""

"""SUISA's radio report as CSV and as a workbook."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from plugins.monitoring.declarations.facts import Contributor, DeclarationFacts
from plugins.monitoring.declarations.formats.base import MandatoryMissing
from plugins.monitoring.declarations.formats.suisa.format import SUISA, SUISA_XLSX
from plugins.monitoring.tests.declarations.samples import (
    STATION,
    ZURICH,
    facts,
    missing,
    play,
    with_recording,
    with_station,
    written,
)

GOLDEN = Path(__file__).parent / "golden"


def lines(declared: DeclarationFacts) -> list[list[str]]:
    content, _totals = written(SUISA, declared)
    return list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]


def test_the_sample_of_the_specification_is_written() -> None:
    declared = facts(plays=(play(1),))

    content, totals = written(SUISA, declared)

    assert content == (GOLDEN / "suisa.csv").read_bytes()
    assert (totals.plays, totals.played_ms, totals.recordings) == (1, 192_000, 1)
    assert totals.lines == 2
    assert totals.changed == ()


def test_the_file_is_named_after_station_and_month() -> None:
    for declared, name in [
        (facts(), "Harbour-FM_2026_11.csv"),
        (with_station(name="../A\\B:C"), "A-B-C_2026_11.csv"),
    ]:
        assert SUISA.file_name(declared) == name, name


def test_the_workbook_holds_the_same_cells() -> None:
    content, totals = written(SUISA_XLSX, facts())

    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    cells = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert cells[1:] == lines(facts())
    assert totals == written(SUISA, facts())[1]
    assert SUISA_XLSX.file_name(facts()) == "Harbour-FM_2026_11.xlsx"


def test_formulas_stay_text_and_the_guard_is_listed() -> None:
    content, totals = written(SUISA, with_recording(title="=1+1\nand more"))

    assert b"'=1+1 and more" in content
    assert content.count(b"\r\n") == 4
    assert len(totals.changed) == 2


def test_a_play_belongs_to_the_local_day_on_which_it_begins() -> None:
    last = datetime(2026, 11, 30, 23, 59, 59, 999_000, tzinfo=ZURICH)

    (cells,) = lines(facts(plays=(play(1, starts_at=last),)))

    assert (cells[4], cells[6]) == ("2026-11-30", "23:59:59")


def test_what_is_known_of_the_recording_session_is_written() -> None:
    own_play = play(
        1,
        own_recording=True,
        live=True,
        recorded_on=date(2025, 5, 4),
        recorded_in="CH",
        published_in="DE",
    )

    (cells,) = lines(facts(plays=(own_play,)))

    assert (cells[10], cells[13], cells[14]) == ("ja", "20250504", "CH")
    assert (cells[19], cells[20]) == ("DE", "ja")


def test_only_composers_are_named_where_roles_are_known() -> None:
    writers = (Contributor("Author", "A"), Contributor("Both", "CA"), Contributor("X"))

    assert lines(with_recording(writers=writers))[0][2] == "Both"
    assert lines(with_recording(writers=(Contributor("Someone"),)))[0][2] == "Someone"


def test_each_missing_or_impossible_value_is_named_and_nothing_is_written() -> None:
    for declared, gap in [
        (facts(stations=(), recordings=(), plays=()), "profile Sender"),
        (facts(stations=(STATION, STATION)), "profile Sender"),
        (facts(begins=date(2026, 10, 31)), "profile Sendedatum"),
        (with_recording(title=""), "recording rec_blue Titel des Musikwerks"),
        (
            with_recording(writers=(Contributor("Author", "A"),)),
            "recording rec_blue Name des Komponisten",
        ),
        (with_recording(artists=()), "recording rec_blue Interpret(en)"),
        (with_recording(isrc=""), "recording rec_blue ISRC"),
        (with_recording(isrc="QZAA0260001"), "recording rec_blue ISRC"),
        (with_recording(label=""), "recording rec_blue Label"),
        (with_recording(own_id=""), "recording rec_blue Identifikationsnummer"),
        (with_recording(upc="2000000000016"), "recording rec_blue EAN / GTIN"),
        (facts(plays=(play(1), play(2, own_recording=None))), "play play_2 Eigenaufnahmen"),
    ]:
        for layout in (SUISA, SUISA_XLSX):
            assert missing(layout, declared) == [gap], gap
            with pytest.raises(MandatoryMissing):
                written(layout, declared)

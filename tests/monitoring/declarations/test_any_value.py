"""Whatever people enter, files keep their shape, their sums and their bytes."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO, overload

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.declarations.facts import DeclarationFacts, PlayFacts
from monitoring.declarations.formats.base import DeclarationFormat
from monitoring.declarations.formats.bmi.format import BMI_LOG, LINE_CHARS
from monitoring.declarations.formats.dsr.format import DSR_RADIO
from monitoring.declarations.formats.soundexchange.format import (
    SOUNDEXCHANGE,
    SOUNDEXCHANGE_BARE,
)
from monitoring.declarations.formats.suisa.format import SUISA, SUISA_XLSX
from monitoring.declarations.formats.texts import in_ascii, name_part, one_line
from tests.monitoring.declarations.drawn import declarations, fitting
from tests.monitoring.declarations.samples import (
    facts,
    play,
    unzipped,
    written,
)

FORMATS: tuple[DeclarationFormat, ...] = (
    DSR_RADIO,
    SOUNDEXCHANGE,
    SOUNDEXCHANGE_BARE,
    SUISA,
    SUISA_XLSX,
    BMI_LOG,
)
CELLS = {"HEAD": 16, "SY08": 22, "AS02.01": 21, "SU05": 9, "FOOT": 6}


@given(declarations())
def test_dsr_keeps_its_cells_and_sums(declared: DeclarationFacts) -> None:
    declared = fitting(DSR_RADIO, declared)

    content, totals = written(DSR_RADIO, declared)

    lines = content.decode().split("\r\n")
    assert lines.pop() == ""
    records = [line.split("\t") for line in lines]
    assert all(len(cells) == CELLS[cells[0]] for cells in records)
    assert all(cell == cell.strip() for cells in records for cell in cells)
    assert not any(mark in content for mark in (b"\\", b"\x00"))
    uses: Counter[str] = Counter()
    for cells in records:
        if cells[0] == "SU05":
            uses[cells[2]] += int(cells[6])
    told = {cells[1]: int(cells[9]) for cells in records if cells[0] == "SY08"}
    assert sum(told.values()) == uses.total() == totals.plays == len(declared.plays)
    assert all(uses[number] == count for number, count in told.items())
    for cells in records:
        if cells[0] == "AS02.01":
            assert cells[12].count("|") == cells[13].count("|") or not cells[13]
    assert records[-1][1:] == [
        *(str(len(records)), str(len(records)), "2"),
        *[str(sum(cells[0] == "AS02.01" for cells in records))] * 2,
    ]


@given(declarations())
def test_soundexchange_keeps_its_cells_and_sums(declared: DeclarationFacts) -> None:
    declared = fitting(SOUNDEXCHANGE, declared)
    heard = sum(one.listeners or 0 for one in declared.plays)

    for layout, head in ((SOUNDEXCHANGE, 14), (SOUNDEXCHANGE_BARE, 0)):
        content, totals = written(layout, declared)
        (text,) = unzipped(content).values()
        lines = text.split("\r\n")
        assert lines.pop() == ""
        around, between = lines[10:12] if head else ("^", "|")
        rows = [line.split(between) for line in lines[head:]]
        assert all(len(cells) == 8 for cells in rows)
        assert all(cell.count(around) in (0, 2) for cells in rows for cell in cells)
        assert sum(int(cells[7]) for cells in rows) == heard
        assert totals.lines == len(lines)
        assert text.isascii()
        if head:
            assert int(lines[9]) == len(rows)


@given(declarations())
def test_suisa_has_a_line_for_each_play(declared: DeclarationFacts) -> None:
    first, *_others = declared.stations
    plays = tuple(one for one in declared.plays if one.station == first.uid)
    declared = fitting(SUISA, replace(declared, stations=(first,), plays=plays))

    content, totals = written(SUISA, declared)

    assert content.count(b"\r\n") == totals.lines == len(declared.plays) + 1
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert all(len(row) == 21 for row in rows)
    assert not any(cell[:1] in tuple("=+-@") for row in rows for cell in row if cell)


@given(declarations())
def test_bmi_keeps_its_positions(declared: DeclarationFacts) -> None:
    declared = fitting(BMI_LOG, declared)

    content, totals = written(BMI_LOG, declared)

    plays = 0
    for text in unzipped(content).values():
        lines = text.split("\r\n")
        assert lines.pop() == ""
        assert text.isascii()
        assert {line[:4] for line in lines[1:-1]} <= {"FMDT"}
        assert all(len(line) == LINE_CHARS for line in lines[1:-1])
        assert int(lines[-1][4:]) == len(lines)
        plays += len(lines) - 2
    assert plays == totals.plays == len(declared.plays)


@pytest.mark.parametrize("layout", FORMATS, ids=lambda layout: layout.key)
def test_the_same_facts_give_the_same_bytes(layout: DeclarationFormat) -> None:
    assert written(layout, facts()) == written(layout, facts())


@given(st.text())
def test_transliteration_is_ascii_on_one_line_and_stable(text: str) -> None:
    plain = in_ascii(text)

    assert plain.text.isascii()
    assert plain.text == one_line(plain.text)
    assert in_ascii(plain.text).text == plain.text


@given(st.text(max_size=200))
def test_parts_of_names_cannot_leave_their_folder(text: str) -> None:
    part = name_part(text)

    assert len(part) <= 80
    assert not set(part) & set("/\\_: \t\n\x00")
    assert not part.startswith(".")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Чайковский", "Chaykovskiy"),
        ("Θεοδωράκης", "Theodorakis"),
        ("Ångström ﬁn ™", "Angstrom fin TM"),
        ("Ярмак 😀 №5", "Yarmak No5"),
    ],
)
def test_letters_become_their_latin_form(text: str, told: str) -> None:
    assert in_ascii(text).text == told
    assert in_ascii(text).lost == ""


class ManyPlays(Sequence[PlayFacts]):
    """Plays that are made when they are read, as those of a frozen file are."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, index: int) -> PlayFacts: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PlayFacts]: ...
    def __getitem__(self, index: int | slice) -> PlayFacts | Sequence[PlayFacts]:
        if isinstance(index, slice):
            raise TypeError(index)
        if index >= self._number:
            raise IndexError(index)
        day = timedelta(days=index // 200)
        return replace(PLAY, starts_at=PLAY.starts_at + day)


PLAY = play(1)


class CountingTarget(io.RawIOBase):
    """Counts bytes and keeps none."""

    def __init__(self) -> None:
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        size = len(memoryview(data))  # type: ignore[arg-type]  # a buffer
        self.count += size
        return size


@pytest.mark.parametrize(
    "layout", [DSR_RADIO, SOUNDEXCHANGE, SUISA, BMI_LOG], ids=lambda layout: layout.key
)
def test_memory_does_not_grow_with_plays(layout: DeclarationFormat) -> None:
    def peak(number: int) -> int:
        target: BinaryIO = CountingTarget()  # type: ignore[assignment]  # is one, but for its type
        declared = facts(plays=ManyPlays(number))
        tracemalloc.start()
        layout.write(declared, target)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)

    assert peak(4_000) < peak(400) + 300_000

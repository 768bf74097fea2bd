"""Whatever people enter, files keep their shape, their sums and their bytes."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO, overload

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.monitoring.declarations.facts import PlayFacts
from plugins.monitoring.declarations.formats.base import DeclarationFormat
from plugins.monitoring.declarations.formats.bmi.format import BMI_LOG
from plugins.monitoring.declarations.formats.dsr.format import DSR_RADIO
from plugins.monitoring.declarations.formats.soundexchange.format import (
    SOUNDEXCHANGE,
    SOUNDEXCHANGE_BARE,
)
from plugins.monitoring.declarations.formats.suisa.format import SUISA, SUISA_XLSX
from plugins.monitoring.declarations.formats.texts import in_ascii, name_part, one_line
from plugins.monitoring.tests.declarations.samples import facts, play, written

FORMATS: tuple[DeclarationFormat, ...] = (
    DSR_RADIO,
    SOUNDEXCHANGE,
    SOUNDEXCHANGE_BARE,
    SUISA,
    SUISA_XLSX,
    BMI_LOG,
)


def test_the_same_facts_give_the_same_bytes() -> None:
    for layout in FORMATS:
        assert written(layout, facts()) == written(layout, facts()), layout


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


def test_letters_become_their_latin_form() -> None:
    for text, expected in [
        ("Чайковский", "Chaykovskiy"),
        ("Θεοδωράκης", "Theodorakis"),
        ("Ångström ﬁn ™", "Angstrom fin TM"),
        ("Ярмак 😀 №5", "Yarmak No5"),
    ]:
        assert in_ascii(text).text == expected, text
        assert in_ascii(text).lost == "", text


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

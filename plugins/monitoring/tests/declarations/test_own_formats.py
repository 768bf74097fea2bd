"""Our own formats: the cue declaration and a table of the user's columns."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.monitoring.declarations.facts import Contributor, DeclarationFacts, EpisodeFacts
from plugins.monitoring.declarations.formats.base import BadOptions, MandatoryMissing, ValueSubject
from plugins.monitoring.declarations.formats.cue.format import FORMAT
from plugins.monitoring.declarations.formats.template.format import (
    TemplateDeclaration,
    read_columns,
)
from plugins.monitoring.declarations.formats.values import VALUES
from plugins.monitoring.tests.declarations import samples

RECORDING = replace(
    samples.RECORDING,
    writers=(Contributor("Anna Muster", "CA", "00000815140", "080"),),
    own_share=Decimal(100),
)
PLAY = samples.play(
    starts_at=datetime(2026, 11, 3, 7, 2, 4, tzinfo=samples.ZURICH),
    start_ms=124_000,
    end_ms=169_000,
    played_ms=45_000,
    use="OnScreenMusic",
    origin="PreexistingMusic",
    showing="first_run",
    episode=EpisodeFacts(series="Pier Stories", season="2", number="5", title="Fog"),
)
FACTS = samples.facts(service="Harbour FM", recordings=[RECORDING], plays=[PLAY])
# The sample of the specification, written by hand.
SAMPLE = (
    "1,Blue Lantern,,Anna Muster,Example Music,The Ferrymen,Harbour Lights,"
    "QZAA02600001,T9000000011,featured,00:02:04.000,00:02:49.000,00:00:45.000,100.00,"
    "confirmed,m_1,Harbour FM,2026-11-03T07:00:00+01:00,Pier Stories,2,5,Fog,first,"
    "OnScreenMusic,PreexistingMusic,00000815140,00000471148,080\r\n"
)


def titled(title: str) -> DeclarationFacts:
    return replace(FACTS, recordings=[replace(RECORDING, title=title)])


def written(facts: DeclarationFacts, **options: Any) -> bytes:
    target = io.BytesIO()
    TemplateDeclaration(options).write(facts, target)
    return target.getvalue()


def test_the_sample_of_the_cue_declaration() -> None:
    target = io.BytesIO()
    totals = FORMAT.write(FACTS, target)
    header, row = target.getvalue().decode("utf-8-sig").splitlines(keepends=True)
    assert row == SAMPLE
    assert header.rstrip().split(",")[-3:] == ["writer_ipi", "publisher_ipi", "society"]
    assert (totals.plays, totals.played_ms, totals.lines) == (1, 45_000, 2)
    assert FORMAT.file_name(FACTS) == "Harbour-FM_2026-11-01_2026-11-30.csv"


def test_what_a_cue_declaration_must_have() -> None:
    for facts, subject, cell in [
        (titled(""), ValueSubject.RECORDING, "title"),
        (
            replace(FACTS, recordings=[replace(RECORDING, writers=())]),
            ValueSubject.RECORDING,
            "writers",
        ),
        (replace(FACTS, plays=[replace(PLAY, use="")]), ValueSubject.PLAY, "use"),
        (replace(FACTS, plays=[replace(PLAY, origin="")]), ValueSubject.PLAY, "origin"),
    ]:
        target = io.BytesIO()
        with pytest.raises(MandatoryMissing) as refused:
            FORMAT.write(facts, target)
        assert [(gap.subject, gap.cell) for gap in refused.value.gaps] == [(subject, cell)], cell
        assert not target.getvalue(), cell


def test_own_columns() -> None:
    assert written(
        FACTS,
        columns='Title = title !\nFixed = "CH"\nNothing =\nDay = play_date\n'
        "At = play_time\nFor = played\nSeconds = played_seconds\nWho = writers",
        separator="semicolon",
        date_format="%d.%m.%Y",
        time_format="%H:%M",
        length_format="minutes",
        decimal="comma",
        line_end="lf",
    ).decode() == (
        "Title;Fixed;Nothing;Day;At;For;Seconds;Who\n"
        "Blue Lantern;CH;;03.11.2026;07:02;00:45;45;Anna Muster\n"
    )


def test_columns_that_are_refused() -> None:
    for columns, part in [
        ("", "at least one"),
        ("Title", "Line 1 cannot be read"),
        ("A = title\nB = nonsense", "Line 2 asks for “nonsense”"),
        ("\n".join(["A = title"] * 201), "at most 200"),
    ]:
        with pytest.raises(BadOptions, match=part):
            read_columns(columns)


def test_an_encoding_that_cannot_hold_a_title() -> None:
    made = TemplateDeclaration({"columns": "T = title", "encoding": "iso-8859-1"})
    (gap,) = made.gaps(titled("Nacht 夜"))
    assert (gap.subject, gap.uid, gap.cell) == (ValueSubject.RECORDING, RECORDING.uid, "T")
    assert "夜" in gap.why
    assert not list(made.gaps(titled("Grüße")))


def test_a_mandatory_column_is_named_once_per_record() -> None:
    made = TemplateDeclaration({"columns": "T = title !\nUse = use !"})
    plays = [replace(PLAY, uid=f"p_{number}", use="") for number in range(3)]
    gaps = list(made.gaps(replace(titled(""), plays=plays)))
    assert [gap.cell for gap in gaps] == ["T", "Use", "Use", "Use"]


_HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["=1+1", "a\tb;c,d|e", 'say "x"', "a\r\nb", "🎵", "x" * 10_000]),
).filter(lambda text: ("\0" not in text and text.isprintable()) or "\r" in text)


@given(title=_HOSTILE, separator=st.sampled_from(["comma", "semicolon", "tab", "bar"]))
def test_any_title_stays_in_its_cell(title: str, separator: str) -> None:
    facts = titled(title)
    for quotes in ("where_needed", "always", "never"):
        text = written(
            facts, columns="A = isrc\nT = title\nB = use", separator=separator, quotes=quotes
        ).decode()
        sign = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}[separator]
        source = io.StringIO(text)
        rows = list(
            csv.reader(source, delimiter=sign, quoting=csv.QUOTE_NONE)
            if quotes == "never"
            else csv.reader(source, delimiter=sign)
        )
        assert [len(row) for row in rows] == [3, 3]
        assert (rows[1][0], rows[1][2]) == ("QZAA02600001", "OnScreenMusic")
        assert not rows[1][1].startswith(("=", "+", "-", "@"))


def test_every_value_can_be_written() -> None:
    columns = "\n".join(f"{name} = {name}" for name in VALUES)
    header, row = csv.reader(io.StringIO(written(FACTS, columns=columns).decode()))
    assert header == list(VALUES)
    assert len(row) == len(VALUES)

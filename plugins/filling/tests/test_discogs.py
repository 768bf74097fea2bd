"""Read a dump of Discogs, and suggest what it says."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Recording
from plugins.filling.choices import HoldReason
from plugins.filling.models import EnrichmentSource, Suggestion
from plugins.filling.open_data.discogs import dump_jobs, source
from plugins.filling.open_data.discogs import index as packed
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.folding import fold
from plugins.filling.open_data.index import name_key
from plugins.filling.open_data.kinds import Reading
from plugins.filling.tests.discogs_dumps import Pressing, write_discogs
from plugins.filling.tests.dumps import barcode
from plugins.filling.tests.test_filling import run
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory

pytestmark = pytest.mark.django_db
TRACKS = [("A1", "Amber Avenue", "4:45"), ("A2", "Birch Bridge", "1:02:11")]
LENGTH = 285_400


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.ACRPORTAL_DATA_DIR = tmp_path
    return tmp_path


def ours(title: str = "Amber Avenue", **options: Any) -> Recording:
    values: dict[str, Any] = {
        "title": title,
        "artists": ["Velvet Quarry"],
        "album": "Album",
        "duration_ms": LENGTH,
    }
    return RecordingFactory.create(**(values | options))


def search(path: Path) -> None:
    """Let the portal read a dump, then look for suggestions in it."""
    run("read", str(path), "--kind", "discogs", "--accept-licence")
    run("match")


def suggestions_for(recording: Recording) -> dict[str, str]:
    """Return what is suggested for a recording."""
    rows = Suggestion.objects.filter(recording=recording)
    return dict(rows.values_list("field", "value"))


def test_tracks_of_several_releases_are_one_recording(folder: Path, client: Client) -> None:
    first = Pressing(
        TRACKS,
        artist="Velvet Quarry (3)",
        label="Svek (2)",
        barcode=f"{barcode(7)[:1]} {barcode(7)[1:6]}-{barcode(7)[6:]}",
        released="1994-03-00",
        isrcs={"Track A1": "IT-J04-01-00240", "Side A": "IT-J04-01-00241"},
    )
    later = Pressing(
        [("1", "Amber Avenue", "4:44"), ("2", "Amber Avenue (Live)", "4:45")],
        label="Not On Label (Velvet Quarry Self-released)",
        released="2001",
    )
    earlier = {
        "promo": Pressing([("A", "Amber Avenue", "")], released="1993", formats=("Promo",)),
        "compiled": Pressing(TRACKS, released="1992", formats=("Compilation",)),
        "draft": Pressing(TRACKS, released="1991", status="Draft"),
    }
    recording = ours()
    long = ours("Birch Bridge", duration_ms=3_731_000)
    live = ours(version_title="Live")

    search(write_discogs(folder, [later, first, *earlier.values()]))

    assert suggestions_for(recording) == {
        "isrc": "ITJ040100240",
        "label": "Svek",
        "upc": barcode(7),
        "release_date": "1994-03",
    }
    assert suggestions_for(long)["release_date"] == "1994-03"
    assert "isrc" not in suggestions_for(long)
    assert suggestions_for(live) == {"release_date": "2001"}
    assert not Suggestion.objects.exclude(hold="").exists()
    read = EnrichmentSource.objects.get()
    assert (read.data_date, read.rows) == ("2026-09-01", 7)
    client.force_login(make_user(Role.VIEWER))
    row = Suggestion.objects.get(recording=recording, field="isrc")
    page = client.get(reverse("portal:suggestion", args=[row.uid])).content.decode()
    assert "https://www.discogs.com/release/1" in page


def test_unknown_lengths_headings_pictures_parts_and_two_isrcs(folder: Path) -> None:
    # A length that nobody knows goes to no recording of several.
    several = ours(artists=["Los Faroles"])
    of_several = [
        Pressing(TRACKS, artist="Los Faroles"),
        Pressing([("A", "Amber Avenue", "3:10")], artist="Los Faroles", released="1990"),
        Pressing([("A", "Amber Avenue", "")], artist="Los Faroles", released="1980"),
    ]
    mistyped = Pressing([("A", "Elm Estuary", "4:99")])
    of_mistyped = [ours("Elm Estuary", duration_ms=length) for length in (200_000, 339_000)]
    release = Pressing(
        [
            ("", "Amber Avenue", ""),
            ("", "Suite", ""),
            ("DVD-1", "Amber Avenue", "4:45"),
            ("B", "Medley", "9:00"),
        ],
        sub_tracks={
            "Suite": [("A.1", "Cedar Canyon", "4:45")],
            "Medley": [("B.1", "Dusk Delta", "4:45")],
        },
        anv="The Quarry",
    )
    heading, part, inside = ours(), ours("Cedar Canyon"), ours("Dusk Delta")
    as_written = ours("Cedar Canyon", artists=["The Quarry"])
    twice_coded = ours(artists=["Ökoton"])
    codes = {"A1": "ITJ040100240", "Track A1": "ITJ040100241"}
    coded = Pressing(TRACKS, artist="Ökoton", isrcs=codes)

    search(write_discogs(folder, [*of_several, mistyped, release, coded]))

    assert suggestions_for(several)["release_date"] == "1999-07-13"
    assert [bool(suggestions_for(recording)) for recording in (heading, part, inside)] == [0, 1, 0]
    # 4:99 is no valid length, so it rules out neither recording.
    assert all(suggestions_for(recording) for recording in of_mistyped)
    assert suggestions_for(as_written) == suggestions_for(part)
    # Two ISRCs of one track are decided one by one.
    row = Suggestion.objects.get(recording=twice_coded, field="isrc")
    assert row.hold == HoldReason.SEVERAL_CODES


def test_checksums_beside_the_dump_are_compared(folder: Path) -> None:
    path = write_discogs(folder, [Pressing(TRACKS)])
    digest = hashlib.sha256(b"other").hexdigest()
    sums = folder / "discogs_20260901_CHECKSUM.txt"
    sums.write_text(f"{digest} *{path.name}\n")

    with pytest.raises(CommandError, match=sums.name):
        run("read", str(path), "--kind", "discogs", "--accept-licence")

    assert not EnrichmentSource.objects.exists()
    assert not list((folder / "enrichment").glob("es_*"))


def read_here(path: Path, *, send: Callable[[Callable[[Any], None], Any], None]) -> None:
    """Read a dump in this process; ``send`` gets what takes messages, and each one."""

    def stream(_jobs: str, request: Any, on_rows: Callable[[Any], None]) -> None:
        with path.open("rb") as file:
            dump_jobs.read_dump(file, send=lambda batch: send(on_rows, batch), done=request["done"])

    source.read(
        Reading(
            path=path,
            index=path.parent / "index.sqlite3",
            scratch=path.parent / "tables",
            stream=stream,
            rows=lambda: iter(()),
            report=lambda _rows: None,
        )
    )


def test_file_that_is_no_dump_is_refused_by_name(tmp_path: Path) -> None:
    dump = write_discogs(tmp_path, [Pressing(TRACKS) for _n in range(200)])

    def packed(text: str) -> bytes:
        return gzip.compress(text.encode())

    cases = (
        (dump.read_bytes()[:-300], "dump_incomplete", "Download it again"),
        (b"<releases/>", "dump_unreadable", r"no \.xml\.gz"),
        (packed("<masters/>"), "dump_schema", "“masters”, not “releases”"),
        (packed("<releases></releases>"), "dump_incomplete", "no track"),
        (packed("<releases><release/></releases>"), "dump_columns", "no number"),
        (packed("<releases><a></releases>"), "dump_unreadable", "mismatched tag"),
        (
            packed("<!DOCTYPE r [<!ENTITY a 'b'>]><releases>&a;</releases>"),
            "dump_unreadable",
            r"\(DTD\), which is not allowed",
        ),
        (packed(f"<releases>{'<a>' * 40}"), "dump_unreadable", "too deeply"),
        (packed(f"<releases>{'x' * 20_000_000}"), "dump_too_large", "far more"),
    )
    for number, (content, code, says) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / dump.name
        path.write_bytes(content)
        with pytest.raises(SourceRefused, match=says) as refused:
            read_here(path, send=lambda on_rows, batch: on_rows(batch))
        assert refused.value.code == code
        assert not (folder / "index.sqlite3").exists()


def test_a_stopped_reading_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_jobs, "_TRACKS_AT_ONCE", 1)
    monkeypatch.setattr(packed, "_BLOCKS_OF_SEGMENT", 2)
    titles = ["Amber Avenue", "Birch Bridge", "Cedar Court", "Dune Drive"]
    path = write_discogs(
        tmp_path,
        [
            Pressing([("A1", title, "4:45")], status=status)
            for title, status in zip(
                titles, ("Accepted", "Draft", "Accepted", "Accepted"), strict=True
            )
        ],
    )
    sent: list[int] = []

    def read(most: int) -> None:
        def send(on_rows: Callable[[Any], None], message: Any) -> None:  # Any: JSON
            if len(sent) >= most:
                raise KeyboardInterrupt
            on_rows(message)
            sent.extend(release[0] for release in message["releases"])

        read_here(path, send=send)

    with pytest.raises(KeyboardInterrupt):
        read(1)
    read(99)

    assert sent == [1, 3, 4]
    with source.SOURCE.open(tmp_path / "index.sqlite3") as index:
        texts = [
            [
                recording.title
                for recording in index.with_key(name_key(fold(title), ["Velvet Quarry"]))
            ]
            for title in titles
        ]
    assert texts == [["Amber Avenue"], [], ["Cedar Court"], ["Dune Drive"]]
    assert not list(tmp_path.glob("tables*"))

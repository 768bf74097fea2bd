"""Reading dumps: true ones, and those that are refused by name."""

from __future__ import annotations

import bz2
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.filling.open_data.copy_text import lines_of, values_of
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.folding import fold, key_of, read_name
from plugins.filling.open_data.index import OpenIndex
from plugins.filling.open_data.kinds import Reading, SourceFacts
from plugins.filling.open_data.musicbrainz import dump_jobs, source
from plugins.filling.tests.dumps import Dump, Song, copied, dump_of, invented_songs


def read_here(
    path: Path, folder: Path, *, report: Callable[[int], None] = lambda _rows: None
) -> SourceFacts:
    def stream(_jobs: str, request: Any, on_rows: Callable[[Any], None]) -> None:
        with path.open("rb") as file:
            dump_jobs.read_dump(file, done=request["done"], send=on_rows)

    return source.read(
        Reading(
            path=path,
            index=folder / "index.sqlite3",
            scratch=folder / "tables",
            stream=stream,
            rows=lambda: iter(()),
            report=report,
        )
    )


def contents(folder: Path) -> list[str]:
    """Return everything that an index says, whatever the order of its rows."""
    with OpenIndex(folder / "index.sqlite3") as index:
        return sorted(
            line
            for line in index._db.iterdump()
            if line.startswith("INSERT") and "sqlite_stat" not in line
        )


def test_dump_becomes_an_index(tmp_path: Path) -> None:
    songs = [
        *invented_songs(20),
        Song("Tab\tand \\N 🎧", "Line\nbreak", isrcs=("QZXX19900001", "QZXX19900002")),
        Song("Half", "Nora Lindqvist", iswc="T-034.524.680-1", is_partial=True),
        Song("Old", "Cher Ami", aliases=("Шер Ами",), is_compilation=True),
    ]

    facts = read_here(dump_of(songs).write(tmp_path / "mbdump.tar.bz2"), tmp_path)

    assert (facts.rows, facts.schema, facts.date) == (23, "31", "2026-09-02")
    assert not list(tmp_path.glob("tables*"))
    with OpenIndex(tmp_path / "index.sqlite3") as index:
        (recording,) = index.with_isrc("QZXX19900002")
        assert (recording.title, recording.artists) == ("Tab\tand \\N 🎧", ("Line\nbreak",))
        assert index.isrcs(recording.number) == ["QZXX19900001", "QZXX19900002"]
        (half,) = index.with_key(key_of("half", "nora lindqvist"))
        assert index.works(half.number) == [("T0345246801", False)]
        (old,) = index.with_key(key_of("old", fold("Шер Ами")))
        (release,) = index.releases(old.number)
        assert release.is_official
        assert release.is_compilation
        assert release.date == "1999-07-13"
        assert [recording.title for recording in index.with_upc("071000000000" + "9")] == []


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    path, other_path = tmp_path / "one", tmp_path / "other"
    path.mkdir()
    other_path.mkdir()
    dump = dump_of(invented_songs(30))
    read_here(dump.write(path / "mbdump.tar.bz2"), path)
    for rows in dump.tables.values():
        random.Random(7).shuffle(rows)  # noqa: S311 - no secret

    read_here(dump.write(other_path / "mbdump.tar.bz2"), other_path)

    assert contents(path) == contents(other_path)


def test_reading_that_was_killed_goes_on_and_has_everything_once(tmp_path: Path) -> None:
    path = dump_of(invented_songs(30)).write(tmp_path / "mbdump.tar.bz2")
    read_here(path, tmp_path)
    whole = contents(tmp_path)
    for stop_at in (3, 60, 200):
        (tmp_path / "index.sqlite3").unlink()

        def stop(rows: int, limit: int = stop_at) -> None:
            if rows >= limit:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            read_here(path, tmp_path, report=stop)
        assert not (tmp_path / "index.sqlite3").exists()

        read_here(path, tmp_path)

        assert contents(tmp_path) == whole


@given(
    st.lists(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=3, max_size=3)),
    st.integers(1, 50),
)
def test_copy_text_comes_back(rows: list[list[str | None]], block: int) -> None:
    text = "".join("\t".join(map(copied, row)) + "\n" for row in rows).encode()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or block, block))

    values = [
        list(values_of(line, columns=(1, 2, 3), count=3, name="t"))
        for line in lines_of(Slow(text), name="t")
    ]

    assert values == rows


@given(st.text(), st.text(st.characters(codec="ascii")))
def test_folding_twice_changes_nothing_more(text: str, plain: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(f"q{plain} é") == f"{fold(f'q{plain}')} e"


@given(st.text(st.sampled_from("(a-b) feat. Part 1,:")))
def test_plain_titles_are_read_like_others(text: str) -> None:
    # A version that says nothing has the title taken apart.
    assert read_name(text) == read_name(text, comment=" ")


def _write_link(path: Path) -> None:
    with tarfile.open(path, "w:bz2") as archive:
        member = tarfile.TarInfo("mbdump/artist")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)


def _dump_with(change: Callable[[Dump], object]) -> Callable[[Path], object]:
    def write(path: Path) -> Path:
        dump = dump_of(invented_songs(2))
        change(dump)
        return dump.write(path)

    return write


def _write_truncated(path: Path) -> None:
    dump_of(invented_songs(200)).write(path)
    path.write_bytes(path.read_bytes()[:-500])


def test_archive_that_is_no_dump_is_refused_by_name(tmp_path: Path) -> None:
    bomb = [("mbdump/aaa", b"\0" * (20 * 1024**2))]
    outside = [("mbdump/../../etc/passwd", b"x")]
    cases: tuple[tuple[Callable[[Path], object], str, str], ...] = (
        (_dump_with(lambda dump: setattr(dump, "schema", "30")), "dump_schema", "30"),
        (
            _dump_with(lambda dump: dump.tables["recording"][1].append("more")),
            "dump_columns",
            "10 columns, not 9",
        ),
        (
            _dump_with(lambda dump: dump.tables.pop("recording")),
            "dump_incomplete",
            "no table recording",
        ),
        (_write_truncated, "dump_incomplete", "Download it again"),
        (lambda path: Dump().write(path, also=bomb), "dump_too_large", "far more"),
        (lambda path: Dump().write(path, also=outside), "dump_unreadable", "etc/passwd"),
        (_write_link, "dump_unreadable", "mbdump/artist"),
        (lambda path: path.write_text("title,artist\n"), "dump_unreadable", "tar.bz2"),
        (
            lambda path: path.write_bytes(bz2.compress(b"title,artist\n" * 1000)),
            "dump_incomplete",
            "damaged",
        ),
    )

    for number, (write, code, says) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder / "mbdump.tar.bz2")
        with pytest.raises(SourceRefused, match=says) as refused:
            read_here(folder / "mbdump.tar.bz2", folder)
        assert refused.value.code == code, says
        assert not (folder / "index.sqlite3").exists()

"""Recordings from a folder, from lists of other programs, and rows without audio."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from django.core.files.base import File
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from base.accounts.roles import Role
from catalogue.models import Bucket, Recording, RecordingStatus
from imports.errors import TableRefused
from imports.recordings.audio import Folder
from imports.recordings.programs import folder_table, listed_table
from imports.tables import rows_of
from recognition.audio.headers import Headers
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory

Rows = list[dict[str, str]]


@pytest.fixture(autouse=True)
def headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the tags of files whose content is ``name=value`` in lines.

    What PyAV reads of real files is tested with the headers.
    """

    def read(file: File[bytes], **_options: object) -> Headers:
        lines = file.read().decode().splitlines()
        return Headers(60_000, dict(line.split("=", 1) for line in lines))

    monkeypatch.setattr("imports.recordings.programs.read_headers", read)


def rows(made: object) -> Rows:
    table = made.table  # type: ignore[attr-defined]  # of both functions
    return [
        {name: cell for name, cell in zip(table.header, row.cells, strict=True) if cell}
        for row in rows_of(table)
    ]


def test_tags_of_a_folder_fill_columns(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "01.mp3").write_text(
        "TITLE=Blue Lantern\nartist=The Ferrymen\nTSRC=ZZX012600001\ndate=2026-03-01T00:00"
    )
    (tmp_path / "Anna Muster - Night Drive.wav").write_text("")
    (tmp_path / ".DS_Store").write_text("")

    by_name = rows(folder_table(Folder(tmp_path)))

    assert by_name == [
        {
            "custom_id": "Anna Muster - Night Drive.wav",
            "audio": "Anna Muster - Night Drive.wav",
            "title": "Night Drive",
            "artists": "Anna Muster",
            "duration_ms": "60000",
        },
        {
            "custom_id": "one/01.mp3",
            "audio": "one/01.mp3",
            "title": "Blue Lantern",
            "artists": "The Ferrymen",
            "isrc": "ZZX012600001",
            "release_date": "2026-03-01",
            "duration_ms": "60000",
        },
    ]


def test_a_list_of_audfprint_names_files_by_the_ends_of_their_paths(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    for name in ("a/01.mp3", "b/01.mp3"):
        (songs / name).parent.mkdir(parents=True)
        (songs / name).write_text("title=T\nartist=A")
    path = tmp_path / "l.txt"
    path.write_text(
        "Fri Nov 27 10:00:00 2026 Reading hash table db.pklz\n"
        "Read fprints for 3 files ( 9277 hashes) from db.pklz (0.00% dropped)\n"
        "/mnt/old/b/01.mp3 (3092 hashes)\n"
        "C:\\old\\01.mp3 (1 hashes)\n"
        "gone.mp3 (12 hashes)\n"
    )

    by_name = rows(listed_table("audfprint", path, Folder(songs)))

    # Two files fit the second line, so neither does.
    assert [(row["custom_id"], row.get("audio", "")) for row in by_name] == [
        ("/mnt/old/b/01.mp3", "b/01.mp3"),
        ("C:\\old\\01.mp3", ""),
        ("gone.mp3", ""),
    ]


def test_songs_of_dejavu_find_their_files_by_sha_1(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "renamed.mp3").write_text("title=T\nartist=A")
    digest = hashlib.sha1(b"title=T\nartist=A", usedforsecurity=False).hexdigest()
    table = tmp_path / "songs.csv"
    table.write_text(
        f"song_id,song_name,file_sha1\n1,Old Name,{digest.upper()}\n2,Gone,{'0' * 40}\n"
    )

    by_name = rows(listed_table("dejavu", table, Folder(songs)))

    assert [(row["custom_id"], row.get("audio", "")) for row in by_name] == [
        ("Old Name", "renamed.mp3"),
        ("Gone", ""),
    ]


def test_a_list_of_something_else_is_refused(tmp_path: Path) -> None:
    for program in ["audfprint", "dejavu", "olaf"]:
        path = tmp_path / "list"
        path.write_bytes(b"title,artist\r\n" if program == "dejavu" else b"\n\n")

        with pytest.raises(TableRefused):
            listed_table(program, path, None)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_any_name_in_a_list_becomes_at_most_one_row(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("lists") / "list.txt"
    path.write_text("\n".join(names), encoding="utf-8", newline="")
    lines = io.StringIO("\n".join(names), newline=None).read().split("\n")
    named = [line for line in lines if line.strip()]

    try:
        by_name = rows(listed_table("olaf", path, None))
    except TableRefused:
        by_name = []

    assert len(by_name) <= len(named)
    assert all(row["custom_id"] for row in by_name)


@pytest.fixture
def bucket(db: None) -> Bucket:
    return BucketFactory.create(name="Songs")


def test_rows_without_audio_wait_for_it_only_if_asked(bucket: Bucket, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("custom_id,title,artists,duration_ms\nA-1,Night Drive,Anna,61000\n")
    make_user(Role.MANAGER, username="anna")

    with pytest.raises(SystemExit):
        call_command("import_recordings", str(table), bucket="Songs")
    out = io.StringIO()
    for dry in (True, False, False):
        call_command(
            "import_recordings",
            str(table),
            *("--bucket", "Songs", "--waiting", "--username", "anna"),
            *(["--dry-run"] if dry else []),
            stdout=out,
        )

    recording = Recording.objects.get()
    assert (recording.status, recording.duration_ms) == (RecordingStatus.STUB, 61_000)
    assert recording.custom_id == "A-1"
    first, second, _undo, third = out.getvalue().splitlines()
    assert first == second
    assert "1 new (1 wait for audio)" in first
    assert "1 unchanged" in third


def test_a_folder_that_does_not_exist_is_refused(bucket: Bucket) -> None:
    with pytest.raises(CommandError, match="no folder"):
        call_command("import_folder", "/nowhere", bucket="Songs")
    with pytest.raises(CommandError, match="no folder"):
        call_command("import_recordings", "table.csv", bucket="Songs", audio_dir=Path("/nowhere"))

"""Imports next to other work: common formats, two at once, merges, undo."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import NoReturn

import pytest
from django.core.management import call_command

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Bucket, Recording
from dedup import actions
from dedup.effects import ActionRequest
from dedup.errors import ActionRefused
from dedup.models import ActionVerb, DedupGroup
from dedup.services import find_duplicates
from imports.recordings.audio import Folder, NoAudio
from imports.recordings.rules import RowRules
from imports.recordings.summary import ImportSummary
from imports.recordings.work import make_import
from imports.tables import open_table
from recognition.errors import DecodeFailed
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.threads import shared_database, using_database

pytestmark = pytest.mark.django_db

ROWS = [
    ["Custom ID", "Title", "Artists", "Label", "UPC", "Audio"],
    ["L1", "Café “Noir”", "A|B", "Élan; Ltd", "2000000000015", "a.wav"],
    ["", "", "", "", "", ""],
    ["L2", "Two, three\tfour", "A", "", "", "b.wav"],
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.wav").write_bytes(b"first audio")
    (tmp_path / "b.wav").write_bytes(b"second audio")
    return tmp_path


def test_the_command_reads_what_spreadsheets_write(folder: Path) -> None:
    table = folder / "table.txt"
    # Every separator and every encoding, but not every pair.
    for separator, encoding, chosen in (
        (",", "utf-8", "utf-8"),
        (";", "utf-8-sig", "utf-8"),
        ("\t", "windows-1252", "windows-1252"),
        (";", "windows-1252", "windows-1252"),
        ("\t", "utf-8-sig", "utf-8"),
    ):
        bucket = BucketFactory.create()
        text = io.StringIO()
        csv.writer(text, delimiter=separator).writerows(ROWS)
        table.write_bytes(text.getvalue().encode(encoding))
        output = io.StringIO()

        for _ in range(2):
            call_command(
                "import_recordings",
                str(table),
                bucket=bucket.name,
                audio_dir=folder,
                encoding=chosen,
                stdout=output,
            )

        first, second = bucket.recordings.order_by("custom_id")
        assert (first.title, first.label) == ("Café “Noir”", "Élan; Ltd")
        assert (second.title, second.artists) == ("Two, three\tfour", ["A"])
        assert "2 rows: 2 new" in output.getvalue()
        assert "2 rows: 0 new, 0 updated, 2 unchanged, 0 refused" in output.getvalue()


def import_table(
    bucket: Bucket, table: Path, user: User | None = None, folder: Path | None = None
) -> ImportSummary:
    with (
        open_table(table) as opened,
        make_import(
            bucket=bucket,
            table=opened,
            audio=Folder(folder) if folder else NoAudio(),
            user=user,
            dry=False,
        ) as task,
    ):
        return task.run(io.StringIO())


def written(folder: Path, name: str, *rows: str) -> Path:
    table = folder / name
    table.write_text("\n".join(["custom_id,title,artists,label,audio", *rows]))
    return table


def test_the_id_that_came_meanwhile_is_updated_and_not_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = BucketFactory.create()
    table = written(folder, "t.csv", "L1,New title,A,Ours,a.wav")

    def add_the_same(*_: object, **__: object) -> NoReturn:
        monkeypatch.undo()
        RecordingFactory.create(bucket=bucket, custom_id="L1", title="Before")
        raise DecodeFailed("There is no sound.")

    # Another import adds the id while this one reads the audio.
    monkeypatch.setattr("dedup.intake.analyse_upload", add_the_same)

    summary = import_table(bucket, table, folder=folder)

    recording = Recording.objects.get(custom_id="L1")
    assert (summary.added, summary.updated, summary.refused) == (0, 1, 0)
    assert (recording.title, recording.label) == ("New title", "Ours")


def test_a_link_whose_id_came_meanwhile_is_decided_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = BucketFactory.create()
    table = written(folder, "t.csv", "L1,New title,A,Ours,https://h.example/a.mp3")

    def check(_url: str) -> None:
        monkeypatch.undo()
        RecordingFactory.create(bucket=bucket, custom_id="L1", source_url="https://h.example/a.mp3")

    monkeypatch.setattr("imports.recordings.audio.check_link", check)

    summary = import_table(bucket, table)

    assert (summary.added, summary.updated, summary.refused) == (0, 1, 0)
    assert Recording.objects.get(custom_id="L1").label == "Ours"


@pytest.fixture
def copies(folder: Path) -> tuple[Recording, Recording]:
    bucket = BucketFactory.create()
    recording, other_recording = (
        RecordingFactory.create(
            bucket=bucket, custom_id=custom_id, title="Same", audio_sha256="a" * 64, audio_bytes=5
        )
        for custom_id in ("L1", "L2")
    )
    find_duplicates(bucket=bucket)
    return recording, other_recording


def merge(recording: Recording, other_recording: Recording, user: User) -> object:
    group = DedupGroup.objects.get()
    uids = [recording.uid, other_recording.uid]
    return actions.act_on_group(
        verb=ActionVerb.MERGE,
        group=group,
        user=user,
        version=group.version,
        seen=uids,
        selection=ActionRequest(uids, canonical=recording.uid),
    )


def test_what_is_merged_while_its_row_is_decided_goes_to_the_one_that_stays(
    folder: Path, copies: tuple[Recording, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, other_recording = copies
    manager = make_user(Role.MANAGER)
    table = written(folder, "t.csv", "L2,Same,A,Ours,")

    def merge_first(*_: object) -> list[tuple[int, int]]:
        monkeypatch.undo()
        merge(recording, other_recording, manager)
        return []

    monkeypatch.setattr(RowRules, "missing_exclusions", merge_first)

    summary = import_table(recording.bucket, table, manager)

    recording.refresh_from_db()
    other_recording.refresh_from_db()
    assert (summary.updated, summary.refused) == (1, 0)
    assert (recording.label, other_recording.label) == ("Ours", "")
    assert other_recording.merged_into == recording


def test_an_undo_refuses_to_lose_what_an_import_wrote(
    folder: Path, copies: tuple[Recording, Recording]
) -> None:
    recording, other_recording = copies
    manager = make_user(Role.MANAGER)
    action = merge(recording, other_recording, manager)
    import_table(recording.bucket, written(folder, "t.csv", "L2,Same,A,Ours,"), manager)

    with pytest.raises(ActionRefused, match="These have changed since"):
        actions.undo(action=action, user=manager)  # type: ignore[arg-type]

    recording.refresh_from_db()
    assert recording.label == "Ours"


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_two_imports_of_one_table_at_once_add_each_row_once(folder: Path) -> None:
    bucket = BucketFactory.create()
    lines = [f"L{n},Title {n},A,,{n}.wav" for n in range(20)]
    for n in range(20):
        (folder / f"{n}.wav").write_bytes(f"audio {n}".encode())
    table = written(folder, "t.csv", *lines)
    database = shared_database(folder)
    together = Barrier(2)

    def bring() -> ImportSummary:
        with using_database(database):
            together.wait(timeout=30)
            return import_table(bucket, table, folder=folder)

    with ThreadPoolExecutor(2) as pool:
        sums = [future.result() for future in [pool.submit(bring) for _ in range(2)]]

    assert sum(summary.added for summary in sums) == 20
    assert sum(summary.unchanged for summary in sums) == 20
    assert sum(summary.refused for summary in sums) == 0

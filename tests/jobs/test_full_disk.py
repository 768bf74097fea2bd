"""A disk that fills up while a worker works: nothing half is kept, nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.backup_places import OBJECTS, backups_in
from tests import audio
from tests.jobs.chaos import Chaos

# Only a real worker can be kept from writing.
pytestmark = pytest.mark.slow


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Return a sound file that takes a while to scan."""
    path = tmp_path / "long.wav"
    path.write_bytes(audio.wav_bytes(audio.join([audio.tune(3, 60)] * 2)))
    return path


def media(chaos: Chaos) -> set[str]:
    folder = chaos.folder / "media"
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in paths}


def named(chaos: Chaos) -> set[str]:
    """Return the names of stored files that the file's row has."""
    columns = "media, fingerprint, waveform, proxy"
    ((*names,),) = chaos.rows(f"SELECT {columns} FROM scanning_scannedfile")  # noqa: S608 - our columns
    return {name for name in names if name}


def job(chaos: Chaos, kind: str) -> tuple[str, int, str]:
    ((state, attempts, cause),) = chaos.rows(
        f"SELECT state, attempts, cause FROM jobs_job WHERE kind = '{kind}'"  # noqa: S608 - our kinds
    )
    return state, attempts, cause


@pytest.mark.soak
def test_a_scan_waits_for_room_and_goes_on(chaos: Chaos, sound: Path) -> None:
    assert chaos.run("scan", str(sound)) == 0
    before = media(chaos)
    chaos.start_worker("one")
    chaos.wait_for(lambda: job(chaos, "scan")[0] == "running")
    chaos.fill_disk()

    if chaos.url.startswith("postgres"):
        chaos.wait_for(lambda: job(chaos, "scan")[0] == "waiting")
        _state, attempts, cause = job(chaos, "scan")
        assert (attempts, cause[:46]) == (0, "The disk is full. Free some space; the job is ")
        ((message,),) = chaos.rows("SELECT message FROM scanning_scan")
        assert message.startswith("The disk is full.")
        chaos.run("call", "doctor", "--format", "json")
        lines = [json.loads(line) for line in chaos.log("run").splitlines() if line[:1] == "{"]
        assert " waiting, because the disk is full" in str(lines)
    else:
        # Nothing can be written about it: the log says it.
        chaos.wait_for(lambda: "the worker goes on after a pause" in chaos.log("one"))
    assert media(chaos) == before == named(chaos)

    chaos.free_disk()
    chaos.wait_for(lambda: job(chaos, "scan")[0] == "done")
    chaos.wait_for(lambda: job(chaos, "file_rendition")[0] == "done")
    assert chaos.end("one") == 0
    assert chaos.rows("SELECT status, message FROM scanning_scan") == [("succeeded", "")]
    assert len(named(chaos)) == 4
    assert media(chaos) == named(chaos)
    assert not list((chaos.folder / "tmp").iterdir())


@pytest.mark.soak
def test_a_backup_that_finds_no_room_leaves_nothing_and_the_next_is_whole(
    on_postgres: Chaos, sound: Path
) -> None:
    assert on_postgres.run("scan", str(sound)) == 0
    folder = on_postgres.folder / "backups"
    # The tables have room, the sound has not.
    on_postgres.fill_disk(room=1 << 20)
    assert on_postgres.run("call", "backup", str(folder)) == 1
    assert "No backup was made" in on_postgres.log("run")
    assert [path.name for path in folder.rglob("*")] == [OBJECTS]

    on_postgres.free_disk()
    assert on_postgres.run("call", "backup", str(folder)) == 0
    assert len(backups_in(folder)) == 1
    assert on_postgres.run("call", "restore", str(folder), "--check") == 0

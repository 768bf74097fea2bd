"""What NFS and SMB do to a drop, played on a local folder: no share is mounted here.

Shares have clocks and caches of their own, other hosts change them without a sign, and
handles become stale when the server starts again.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from base.jobs.choices import Pool
from base.jobs.runner import run_next
from base.jobs.services import submit
from scanning.choices import DropAfterwards
from scanning.drops import folder as folders
from scanning.drops.folder import FolderPlace
from scanning.drops.places import DropFile
from scanning.jobs import DROP_POLL
from scanning.models import DropItem, ScannedFile
from tests.scanning.drops.incoming import TAKEN, WAITING, Incoming

NOW = datetime.now(tz=UTC)


class StaleShare:
    """The calls of the system as a drop's folder makes them, one of them stale."""

    def __init__(self, call: str) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:  # Any: as of the module
        return self._stale if name == self._call else getattr(os, name)

    def _stale(self, *_arguments: object, **_named: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def touch(path: Path, at: datetime) -> None:
    """Set the time of a file, as the clock of the server says."""
    os.utime(path, (at.timestamp(), at.timestamp()))


def test_the_clock_of_the_server_does_not_matter(incoming: Incoming) -> None:
    times = (
        NOW + timedelta(hours=3),
        NOW + timedelta(days=30_000),
        datetime(1970, 1, 1, tzinfo=UTC),
    )
    for number, at in enumerate(times):
        touch(incoming.write(f"{number}.mp3", f"sound {number}"), at)
    # What NFS keeps of a deleted open file is not taken.
    incoming.write(".nfs000000000001")

    incoming.poll(2)

    assert incoming.states() == dict.fromkeys(("0.mp3", "1.mp3", "2.mp3"), TAKEN)
    assert incoming.files() == [*(".nfs000000000001", "done/0.mp3", "done/1.mp3", "done/2.mp3")]


def test_a_server_that_sets_its_clock_lets_a_file_wait_anew(incoming: Incoming) -> None:
    path = incoming.write("show.mp3")
    touch(path, NOW + timedelta(hours=3))
    incoming.poll()
    touch(path, NOW - timedelta(hours=3))
    incoming.poll()
    waits = incoming.states()
    incoming.poll()

    assert waits == {"show.mp3": WAITING}
    assert incoming.states() == {"show.mp3": TAKEN}
    assert ScannedFile.objects.count() == 1


def test_a_file_that_another_host_renames_is_taken_once_by_its_new_name(
    incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = incoming.write("incoming 17.mp3")
    incoming.poll()
    copy = FolderPlace.copy

    def renamed(place: FolderPlace, file: DropFile, target: Any, report: Callable[[], None]) -> str:
        if path.exists():
            path.rename(incoming.folder / "show.mp3")
        return copy(place, file, target, report)

    monkeypatch.setattr(FolderPlace, "copy", renamed)
    incoming.poll()
    nothing = ScannedFile.objects.count()
    incoming.poll(2)

    assert nothing == 0
    assert incoming.states() == {"show.mp3": TAKEN}
    assert [file.name for file in ScannedFile.objects.all()] == ["show.mp3"]
    assert incoming.files() == ["done/show.mp3"]


def test_a_file_in_place_of_another_with_its_name_is_taken_too(incoming: Incoming) -> None:
    """Recorders that write fixed lengths make files of the same size."""
    incoming.write("show.wav", b"monday")
    incoming.poll(2)
    touch(incoming.write("show.wav", b"sunday"), NOW + timedelta(seconds=2))
    incoming.poll(2)

    assert ScannedFile.objects.count() == 2
    assert incoming.files() == ["done/show (2).wav", "done/show.wav"]


def test_a_stale_handle_lets_files_wait_until_the_share_is_back(
    incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming.write("show.mp3")
    incoming.poll()
    for call in ("read", "fstat"):
        with monkeypatch.context() as broken:
            broken.setattr(folders, "os", StaleShare(call))
            incoming.poll()
        assert "Stale file handle" in incoming.message("show.mp3"), call
        assert incoming.states() == {"show.mp3": WAITING}, call
        # A copy that was not finished is not left.
        assert incoming.files() == ["show.mp3"], call
        DropItem.objects.update(message="")
        incoming.poll()
        assert not ScannedFile.objects.exists(), call

    # A stale share is named and tried again later.
    with monkeypatch.context() as broken:
        broken.setattr(folders, "os", StaleShare("scandir"))
        submit(DROP_POLL, incoming.drop)
        run_next(Pool.TALK)
    incoming.drop.refresh_from_db()
    assert "Stale file handle" in incoming.drop.last_error

    # A move that fails is made later, and nothing is taken twice.
    with monkeypatch.context() as broken:
        broken.setattr(folders, "os", StaleShare("rename"))
        incoming.poll()
    assert incoming.files() == ["show.mp3"]
    assert "Stale file handle" in incoming.drop.notice
    assert incoming.drop.last_error == ""
    incoming.poll()
    assert incoming.states() == {"show.mp3": TAKEN}
    assert incoming.files() == ["done/show.mp3"]
    assert ScannedFile.objects.count() == 1


def test_a_length_that_the_cache_does_not_know_yet_is_not_taken(
    incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attributes of a share may be seconds old, while reads return what is there."""
    path = incoming.write("show.mp3", b"half")
    incoming.poll()
    before = path.stat()
    path.write_bytes(b"half and the rest")
    with monkeypatch.context() as cached:
        cached.setattr(folders, "_stamp", lambda _status: (4, str(before.st_mtime_ns)))
        incoming.poll()
    early = ScannedFile.objects.count()
    incoming.poll(2)

    assert early == 0
    assert ScannedFile.objects.get().size_bytes == 17


@pytest.mark.parametrize("afterwards", [DropAfterwards.MOVE, DropAfterwards.LEAVE])
def test_a_share_that_is_unmounted_for_a_while_brings_nothing_twice(
    incoming: Incoming, tmp_path: Path, afterwards: DropAfterwards
) -> None:
    incoming.drop.afterwards = afterwards
    incoming.drop.save()
    incoming.write("taken.mp3", b"first show")
    incoming.poll(2)
    incoming.write("waiting.mp3", b"second show")
    incoming.poll()

    # The mount point is an empty folder.
    shutil.copytree(incoming.folder, tmp_path / "share")
    shutil.rmtree(incoming.folder)
    incoming.folder.mkdir()
    incoming.poll(2)
    incoming.folder.rmdir()
    shutil.copytree(tmp_path / "share", incoming.folder)
    incoming.poll(3)

    assert sorted(incoming.states().items()) == [("taken.mp3", TAKEN), ("waiting.mp3", TAKEN)]
    assert ScannedFile.objects.count() == 2

"""A drop in a folder, read without following links and without leaving the folder.

Each folder on the way is opened below the one before it, and a link is refused wherever
it stands, so a link that replaces a folder meanwhile leads nowhere.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import PurePosixPath
from typing import BinaryIO

from django.utils.translation import gettext as _

from scanning.drops.places import (
    REASON_SUFFIX,
    DropFile,
    FileChanged,
    FileUnreadable,
    NotPutAway,
    PlaceFailed,
    Report,
    is_ignored,
)
from scanning.duties import root_of

_CHUNK_BYTES = 1024 * 1024
_MOST_LEVELS = 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a pipe that replaced a file must not wait for somebody who writes to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderPlace:
    """A folder below a root that the operator allows."""

    def __init__(self, place: str) -> None:
        root = root_of(place) or "/"
        try:
            # The root is the operator's own and may be a link.
            start = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                inner = PurePosixPath(place).relative_to(root).parts
                self._folder = _open_below(start, inner)
            finally:
                os.close(start)
        except OSError as error:
            raise PlaceFailed(
                _("%(place)s cannot be opened: %(error)s.")
                % {"place": place, "error": error.strerror}
            ) from error

    def close(self) -> None:
        """Close the folder."""
        os.close(self._folder)

    def files(self) -> Iterator[DropFile]:
        """Yield all regular files, those of subfolders too; raise ``PlaceFailed``."""
        try:
            yield from _walk(self._folder, ())
        except OSError as error:
            raise PlaceFailed(
                _("The folder cannot be listed: %(error)s.") % {"error": error.strerror}
            ) from error

    def copy(self, file: DropFile, target: BinaryIO, report: Report) -> str:
        """Copy a file and return its SHA-256; see ``DropPlace``."""
        digest = hashlib.sha256()
        length = 0
        with self._open_file(file) as (handle, status):
            while chunk := _read(handle):
                report()
                target.write(chunk)
                digest.update(chunk)
                length += len(chunk)
            with _reading():
                after = os.fstat(handle)
        with _reading(), self._inside(file.parts[:-1]) as folder:
            there = os.stat(file.parts[-1], dir_fd=folder, follow_symlinks=False)
        is_same = (there.st_dev, there.st_ino) == (status.st_dev, status.st_ino)
        if not is_same or _stamp(after) != _stamp(there) or length != file.size_bytes:
            raise FileChanged
        _check(file, there)
        return digest.hexdigest()

    def put_away(
        self, file: DropFile, sidecars: Sequence[DropFile], ending: str, reason: str
    ) -> None:
        """Move a file to a subfolder of the drop; see ``DropPlace``.

        Sidecars go first: after a kill in between, the file still leads to the rest.
        """
        *folders, name = file.parts
        try:
            with (
                self._inside(folders) as source,
                self._inside((ending, *folders), make=True) as target,
            ):
                free = _free_name(target, name)
                if reason:
                    _write(target, free + REASON_SUFFIX, f"{reason}\n")
                for sidecar in sidecars:
                    suffix = sidecar.path.removeprefix(file.path)
                    _move(source, sidecar, target, free + suffix)
                _move(source, file, target, free)
        except FileNotFoundError as error:
            raise FileChanged from error
        except OSError as error:
            raise NotPutAway(
                _("Files cannot be moved to %(folder)s: %(error)s. They stay in place.")
                % {"folder": ending, "error": error.strerror}
            ) from error

    @contextmanager
    def _open_file(self, file: DropFile) -> Iterator[tuple[int, os.stat_result]]:
        with _reading(), self._inside(file.parts[:-1]) as folder:
            handle = os.open(file.parts[-1], _FILE, dir_fd=folder)
        try:
            # A server that started again makes handles stale at any moment.
            with _reading():
                status = os.fstat(handle)
            _check(file, status)
            yield handle, status
        finally:
            os.close(handle)

    @contextmanager
    def _inside(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        handle = _open_below(self._folder, parts, make=make)
        try:
            yield handle
        finally:
            os.close(handle)


def _open_below(start: int, parts: Sequence[str], *, make: bool = False) -> int:
    """Return a new handle of a folder, opened part by part without following links."""
    handle = os.dup(start)
    for part in parts:
        outer = handle
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=outer)
                    # For those who may look into the drop, whatever the umask.
                    mode = stat.S_IMODE(os.fstat(outer).st_mode)
                    os.chmod(part, mode, dir_fd=outer)
            handle = os.open(part, _FOLDER, dir_fd=outer)
        finally:
            os.close(outer)
    return handle


def _walk(folder: int, inside: tuple[str, ...]) -> Iterator[DropFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            parts = (*inside, entry.name)
            if is_ignored(parts):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and len(parts) < _MOST_LEVELS:
                    inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                else:
                    inner = -1
            except OSError:
                # It was moved, replaced by a link, or is closed to us.
                continue
            if inner >= 0:
                try:
                    yield from _walk(inner, parts)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(status.st_mode):
                yield DropFile("/".join(parts), *_stamp(status))


@contextmanager
def _reading() -> Iterator[None]:
    """Raise ``FileChanged`` if a file is gone, ``FileUnreadable`` for other faults."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileChanged from error
    except OSError as error:
        raise FileUnreadable(
            _("The file cannot be read: %(error)s.") % {"error": error.strerror}
        ) from error


def _read(handle: int) -> bytes:
    with _reading():
        return os.read(handle, _CHUNK_BYTES)


def _stamp(status: os.stat_result) -> tuple[int, str]:
    return status.st_size, str(status.st_mtime_ns)


def _check(file: DropFile, status: os.stat_result) -> None:
    expected = (file.size_bytes, file.version)
    if not stat.S_ISREG(status.st_mode) or _stamp(status) != expected:
        raise FileChanged


def _write(folder: int, name: str, text: str) -> None:
    handle = os.open(name, _NEW, mode=0o644, dir_fd=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        written.write(text)


def _free_name(folder: int, name: str) -> str:
    """Return the name, with a number before its suffix if it is taken."""
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    for number in count(2):
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return name
        name = f"{stem} ({number}){suffix}"
    raise AssertionError


def _move(source: int, file: DropFile, target: int, name: str) -> None:
    """Move a file, but never another one that has taken its name."""
    own = file.parts[-1]
    _check(file, os.stat(own, dir_fd=source, follow_symlinks=False))
    os.rename(own, name, src_dir_fd=source, dst_dir_fd=target)
    try:
        _check(file, os.stat(name, dir_fd=target, follow_symlinks=False))
    except FileChanged:
        back = _free_name(source, own)
        os.rename(name, back, src_dir_fd=target, dst_dir_fd=source)
        raise

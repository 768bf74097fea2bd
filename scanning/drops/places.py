"""Allowed places of drops, and shared parts of folders and S3 prefixes."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.beside_sound import lies_beside_sound
from base.common.outside_text import is_one_line
from scanning.duties import root_of
from scanning.errors import IntakeRefused

DONE, FAILED = "done", "failed"
REASON_SUFFIX = ".reason.txt"
MANIFEST = "manifest.csv"
_S3 = "s3://"
_SIDECARS = (".json", ".csv")
# One poll looks at no more files.
_MOST_FILES = 50_000

Report = Callable[[], None]


class PlaceFailed(Exception):
    """The folder or prefix cannot be read; the message says why."""


class FileChanged(Exception):
    """A file has changed since it was listed."""


class FileUnreadable(Exception):
    """A file cannot be read for now; the message says why."""


class NotPutAway(Exception):
    """Files cannot be moved or tagged; the message says why."""


@dataclass(frozen=True, slots=True)
class DropFile:
    """A file in a drop: path below it, size, and modification time in ns or ETag.

    A path can hold bytes that are no UTF-8, as ``os.fsdecode`` returns them.
    """

    path: str
    size_bytes: int
    version: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the parts of the path."""
        return tuple(self.path.split("/"))

    @property
    def identity(self) -> str:
        """Return a hash of path, size and version."""
        named = f"{self.size_bytes}\0{self.version}\0".encode() + _bytes(self.path)
        return hashlib.sha256(named).hexdigest()


@dataclass(frozen=True, slots=True)
class DropListing:
    """The files to take, and the sidecars by path; ``is_whole`` unless there are more."""

    files: Sequence[DropFile]
    sidecars: Mapping[str, DropFile] = field(default_factory=dict)
    is_whole: bool = True

    def own_sidecars(self, file: DropFile) -> list[DropFile]:
        """Return the sidecars that belong to this file alone."""
        names = (file.path + suffix for suffix in _SIDECARS)
        return [self.sidecars[name] for name in names if name in self.sidecars]

    def manifest(self, file: DropFile) -> DropFile | None:
        """Return the table of the folder in which the file lies."""
        return self.sidecars.get("/".join((*file.parts[:-1], MANIFEST)))


class DropPlace(Protocol):
    """A folder or S3 prefix, opened for one poll."""

    def files(self) -> Iterator[DropFile]:
        """Yield all files below the place; raise ``PlaceFailed``."""

    def copy(self, file: DropFile, target: BinaryIO, report: Report) -> str:
        """Write the content of a file to ``target`` and return its SHA-256.

        Raise ``FileChanged`` unless the file is what was listed before and after.
        """

    def put_away(
        self, file: DropFile, sidecars: Sequence[DropFile], ending: str, reason: str
    ) -> None:
        """Move or tag a file and its sidecars as ``done`` or ``failed``.

        It can be repeated after a kill at any moment. Raise ``FileChanged`` or
        ``NotPutAway``.
        """

    def close(self) -> None:
        """Release the place."""


def printable_path(path: str) -> str:
    """Return a path that can be stored and shown: UTF-8, one line, 1,000 characters."""
    text = _bytes(path).decode("utf-8", "replace")
    return "".join(c if is_one_line(c) else "\ufffd" for c in text)[:1000]


def first_folder(file: DropFile) -> str:
    """Return the first part of the path as shown, empty directly in the drop."""
    return printable_path(file.parts[0])[:255] if len(file.parts) > 1 else ""


def list_files(dropped: Iterable[DropFile]) -> DropListing:
    """Sort files into those to take and sidecars; ignore files that are never taken."""
    files: list[DropFile] = []
    sidecars: dict[str, DropFile] = {}
    for number, file in enumerate(dropped):
        if number >= _MOST_FILES:
            return DropListing(files, sidecars, is_whole=False)
        if is_ignored(file.parts):
            continue
        if file.path.lower().endswith(_SIDECARS):
            sidecars[file.path] = file
        else:
            files.append(file)
    return DropListing(files, sidecars)


def is_ignored(parts: Sequence[str]) -> bool:
    """Tell whether a file or folder is never taken: no sound, unfinished or put away."""
    return (
        parts[0] in (DONE, FAILED)
        or parts[-1].lower().endswith(REASON_SUFFIX)
        or lies_beside_sound("/".join(parts))
    )


def roots() -> list[str]:
    """Return the folders and buckets below which drops may lie, as people write them."""
    return [
        *(posixpath.normpath(root) for root in settings.ACRPORTAL_DROP_ROOTS),
        *(f"{_S3}{bucket}/" for bucket in settings.ACRPORTAL_DROP_STORES),
    ]


def check_place(text: str) -> str:
    """Return the place in its only spelling.

    Raise ``IntakeRefused`` if it does not lie below a root that the settings allow.
    """
    text = text.strip()
    if not is_one_line(text):
        raise _refusal(_("This path contains characters that cannot be shown. Choose another one."))
    if text.startswith(_S3):
        return _check_bucket(text)
    if not text.startswith("/") or ".." in PurePosixPath(text).parts:
        raise _refusal(
            _(
                "Enter the absolute path of a folder, or s3://BUCKET/PREFIX/. The "
                "path must not contain '..'."
            )
        )
    place = "/" + posixpath.normpath(text).lstrip("/")
    if root_of(place) is None:
        raise _refusal(_not_allowed(place))
    data = str(settings.ACRPORTAL_DATA_DIR)
    if overlap(place, data):
        raise _refusal(_("The portal keeps its own data there. Choose another folder."))
    return place


def bucket_and_prefix(place: str) -> tuple[str, str]:
    """Return the bucket and the prefix of an S3 place."""
    bucket, _slash, prefix = place.removeprefix(_S3).partition("/")
    return bucket, prefix


def is_bucket(place: str) -> bool:
    """Tell whether a place lies in S3."""
    return place.startswith(_S3)


def overlap(first: str, second: str) -> bool:
    """Tell whether one of two places lies in the other, or both are the same."""
    first, second = f"{first.rstrip('/')}/", f"{second.rstrip('/')}/"
    return first.startswith(second) or second.startswith(first)


def _check_bucket(text: str) -> str:
    bucket, prefix = bucket_and_prefix(text)
    prefix = f"{prefix.strip('/')}/".lstrip("/")
    place = f"{_S3}{bucket}/{prefix}"
    options = settings.ACRPORTAL_DROP_STORES.get(bucket)
    if options is None:
        raise _refusal(_not_allowed(place))
    media = settings.STORAGES["default"].get("OPTIONS", {})
    names = ("endpoint_url", "bucket_name")
    if all(media.get(name) == options[name] for name in names):
        raise _refusal(_("The portal keeps its own data there. Choose another bucket."))
    return place


def _not_allowed(place: str) -> str:
    allowed = roots()
    if not allowed:
        return _(
            "This installation allows no drops. Ask the operator to set "
            "ACRPORTAL_DROP_ROOTS or ACRPORTAL_DROP_STORES."
        )
    return _("Drops cannot be in %(place)s, only in: %(allowed)s.") % {
        "place": place,
        "allowed": ", ".join(allowed),
    }


def _refusal(message: str) -> IntakeRefused:
    return IntakeRefused("place_refused", message)


def _bytes(path: str) -> bytes:
    return os.fsencode(path)

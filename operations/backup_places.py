"""Where backups lie: a folder, or a bucket with an account of its own.

Both have the same layout, which ``operations.backup`` describes, so a copy of the bucket
is such a folder. A place only adds: nothing that it holds is changed or deleted, and the
account of the bucket needs no right to do so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from django.utils._os import safe_join

from base.common.object_storage import ObjectStorage
from base.common.storage import scratch_directory

MANIFEST = "manifest.json"
OBJECTS = "objects"
_UNFINISHED = ".unfinished"
_ARRIVING = "arriving-"


class PlaceAway(OSError):
    """The bucket of backups does not answer, or refuses."""


class Place(Protocol):
    """A place of backups."""

    def begin(self, name: str) -> Path:
        """Return an empty local folder for a new backup; remove what interruptions left."""

    def arrival(self) -> Path:
        """Return a local path for content before it is hashed."""

    def has(self, sha256: str) -> bool:
        """Tell whether the place holds this content."""

    def add(self, arrived: Path, sha256: str) -> None:
        """Move content into the place."""

    def publish(self, unfinished: Path, name: str) -> str:
        """Make a backup a finished one; return where it lies."""

    def give_up(self) -> None:
        """Remove what is unfinished: on a full disk others need the room at once."""

    def newest(self) -> str:
        """Return the name of the newest finished backup, or an empty string."""

    def file(self, name: str, path: str) -> Path:
        """Return a local path of a backup's file, which may be missing."""

    def local(self, name: str) -> Path:
        """Return a local folder with everything of a backup but the media."""

    def where(self, sha256: str) -> str:
        """Return a name of the content for messages."""

    def open(self, sha256: str) -> File[bytes]:
        """Open content; raise ``FileNotFoundError`` if it is missing."""


class FolderPlace:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects = folder / OBJECTS

    def __str__(self) -> str:
        return str(self._folder)

    def begin(self, name: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.give_up()
        unfinished = self._folder / f"{name}{_UNFINISHED}"
        unfinished.mkdir(mode=0o700)
        return unfinished

    def arrival(self) -> Path:
        # In the same file system, so that ``add`` is a rename: it never holds half a file.
        self._objects.mkdir(exist_ok=True)
        return self._objects / f"{_ARRIVING}{os.getpid()}"

    def has(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def add(self, arrived: Path, sha256: str) -> None:
        path = self._path(sha256)
        path.parent.mkdir(exist_ok=True)
        arrived.rename(path)

    def publish(self, unfinished: Path, name: str) -> str:
        # Until then its name marks it as unfinished.
        finished = self._folder / name
        unfinished.rename(finished)
        return str(finished)

    def give_up(self) -> None:
        for folder in self._folder.glob(f"*{_UNFINISHED}"):
            shutil.rmtree(folder)
        for file in self._objects.glob(f"{_ARRIVING}*"):
            file.unlink(missing_ok=True)

    def newest(self) -> str:
        backups = backups_in(self._folder)
        return backups[-1].name if backups else ""

    def file(self, name: str, path: str) -> Path:
        return self._folder / name / path

    def local(self, name: str) -> Path:
        return self._folder / name

    def where(self, sha256: str) -> str:
        return str(self._path(sha256))

    def open(self, sha256: str) -> File[bytes]:
        return File(self._path(sha256).open("rb"))

    def _path(self, sha256: str) -> Path:
        return self._folder / object_name(sha256)


class BucketPlace:
    """A bucket of an S3-compatible storage, as ``ACRPORTAL_BACKUP_URL`` names it.

    ``scratch`` is a local folder for what is on its way.
    """

    def __init__(self, options: dict[str, Any], scratch: Path) -> None:  # Any: as in settings
        self._storage = ObjectStorage(**options)
        self._scratch = scratch
        self._hashes: set[str] | None = None

    def __str__(self) -> str:
        return f"the bucket {self._storage.bucket_name}"

    def begin(self, name: str) -> Path:
        unfinished = self._scratch / name
        unfinished.mkdir(mode=0o700)
        return unfinished

    def arrival(self) -> Path:
        return self._scratch / _ARRIVING

    def has(self, sha256: str) -> bool:
        if self._hashes is None:
            # One request for a thousand, rather than one for each.
            self._hashes = {key.rpartition("/")[2] for key in self._keys(f"{OBJECTS}/")}
        return sha256 in self._hashes

    def add(self, arrived: Path, sha256: str) -> None:
        if not self.has(sha256):
            self._send(arrived, object_name(sha256))
        arrived.unlink()

    def publish(self, unfinished: Path, name: str) -> str:
        files = [path for path in sorted(unfinished.rglob("*")) if path.is_file()]
        # A backup is finished once it has a manifest.
        files.sort(key=lambda path: path == unfinished / MANIFEST)
        for path in files:
            self._send(path, f"{name}/{path.relative_to(unfinished).as_posix()}")
        return f"{name} in {self}"

    def give_up(self) -> None:
        """Leave what arrived: the account may not delete, and no manifest names it."""

    def newest(self) -> str:
        with _answers():
            folders = [
                entry["Prefix"].rstrip("/")
                for page in self._pages(Delimiter="/")
                for entry in page.get("CommonPrefixes", [])
            ]
            return next(
                (
                    name
                    for name in sorted(folders, reverse=True)
                    if name != OBJECTS and self._storage.exists(f"{name}/{MANIFEST}")
                ),
                "",
            )

    def file(self, name: str, path: str) -> Path:
        local = Path(safe_join(self._scratch, name, path))
        if not local.exists():
            local.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fetch(f"{name}/{path}", local)
        return local

    def local(self, name: str) -> Path:
        for key in self._keys(f"{name}/"):
            self.file(name, key.removeprefix(f"{name}/"))
        return self._scratch / name

    def where(self, sha256: str) -> str:
        return f"{object_name(sha256)} in {self}"

    def open(self, sha256: str) -> File[bytes]:
        with _answers():
            opened: File[bytes] = self._storage.open(object_name(sha256))
            # Fetches the content, into memory or onto the disk.
            opened.seek(0)
            return opened

    @property
    def _client(self) -> Any:  # Any: boto3 makes its methods at run time
        return self._storage.connection.meta.client

    @property
    def _bucket(self) -> str:
        return str(self._storage.bucket_name)

    def _pages(self, **options: str) -> Iterator[dict[str, Any]]:  # Any: as boto3 answers
        lister = self._client.get_paginator("list_objects_v2")
        yield from lister.paginate(Bucket=self._bucket, **options)

    def _keys(self, prefix: str) -> list[str]:
        with _answers():
            pages = list(self._pages(Prefix=prefix))
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def _fetch(self, key: str, path: Path) -> None:
        """Write an object to a path, which stays missing if the object is."""
        with _answers():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            except self._client.exceptions.NoSuchKey:
                return
            with path.open("wb") as file:
                shutil.copyfileobj(body, file)

    def _send(self, path: Path, key: str) -> None:
        with _answers():
            self._client.upload_file(str(path), self._bucket, key)


@contextmanager
def backup_bucket() -> Iterator[BucketPlace]:
    """Yield the bucket of the settings; raise ``PlaceAway`` if they name none."""
    options = settings.ACRPORTAL_BACKUP_STORE
    if not options:
        raise PlaceAway("name a folder, or a bucket in ACRPORTAL_BACKUP_URL")
    with scratch_directory() as scratch:
        yield BucketPlace(options, scratch)


@contextmanager
def place_of(folder: Path | None) -> Iterator[Place]:
    """Yield a folder, or without one the bucket of the settings."""
    if folder is not None:
        yield FolderPlace(folder)
        return
    with backup_bucket() as bucket:
        yield bucket


def backups_in(folder: Path) -> list[Path]:
    """Return the finished backups in a folder, oldest first."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))


def object_name(sha256: str) -> str:
    """Return where a place has the content with this hash."""
    return f"{OBJECTS}/{sha256[:2]}/{sha256}"


@contextmanager
def _answers() -> Iterator[None]:
    """Raise ``PlaceAway`` for every error of the storage but a missing file."""
    try:
        yield
    except (ClientError, BotoCoreError, Boto3Error) as error:
        raise PlaceAway(str(error)) from error

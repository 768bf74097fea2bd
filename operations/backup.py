"""A backup of the whole installation, made while it goes on working.

A backup folder holds any number of backups; what they have in common lies there once:

``objects/ab/<sha256>``
    media, by content
``<UTC time>/manifest.json``
    what the backup holds, with counts and hashes; written last
``<UTC time>/tables/``, ``media.jsonl.gz``, ``index/``, ``keys/``
    rows (``operations.tables``), names of media, the landmark index, secrets
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from catalogue import index_store
from common.snapshot import consistent_read
from operations.tables import file_sha256, kept_models, write_table
from recognition.errors import RecognitionError
from recognition.index.copying import copy_index
from reports.evidence import signing

FORMAT = "acrportal-backup/1"
MANIFEST = "manifest.json"
MEDIA_LIST = "media.jsonl.gz"
OBJECTS = "objects"
SECRET_KEY_NAME = "secret_key"  # noqa: S105 - a file's name
SIGNING_KEY_NAME = "signing_key.pem"
_UNFINISHED = ".unfinished"
_CHUNK_BYTES = 1 << 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One stored file as a backup knows it."""

    name: str
    size: int
    modified: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What was made."""

    folder: Path
    rows: int
    media: int
    media_bytes: int
    gone: tuple[str, ...]
    """Names of files that rows speak of and the storage does not have."""


def make_backup(destination: Path, progress: Progress) -> Backup:
    """Add a backup to ``destination``; one that was stopped leaves none behind."""
    destination.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in destination.glob(f"*{_UNFINISHED}"):
        shutil.rmtree(left)
    name = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = destination / f"{name}{_UNFINISHED}"
    folder.mkdir(mode=0o700)
    tables, names, migrations = _write_tables(folder / "tables", progress)
    known = _known_media(destination)
    media, gone = _keep_media(destination / OBJECTS, names, known, progress)
    _write_media_list(folder / MEDIA_LIST, media)
    manifest = {
        "format": FORMAT,
        "made_at": datetime.now(tz=UTC).isoformat(),
        "database": connection.vendor,
        "versions": {
            "python": platform.python_version(),
            "django": django.get_version(),
        },
        "migrations": migrations,
        "tables": tables,
        "media": {
            "files": len(media),
            "bytes": sum(one.size for one in media),
            "sha256": file_sha256(folder / MEDIA_LIST),
            "gone": gone,
        },
        "index": _copy_index(folder / "index"),
        "keys": _copy_keys(folder / "keys"),
    }
    _write_durably(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    finished = destination / name
    folder.rename(finished)
    return Backup(
        folder=finished,
        rows=sum(table["rows"] for table in tables),
        media=len(media),
        media_bytes=sum(one.size for one in media),
        gone=tuple(gone),
    )


def backups_in(destination: Path) -> list[Path]:
    """Return the finished backups of a folder, oldest first."""
    return sorted(path.parent for path in destination.glob(f"*/{MANIFEST}"))


def read_media_list(path: Path) -> Iterator[MediaFile]:
    """Return what a backup's list of media names."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield MediaFile(**json.loads(line))


def object_path(objects: Path, sha256: str) -> Path:
    """Return where content with this hash lies."""
    return objects / sha256[:2] / sha256


def _write_tables(
    folder: Path, progress: Progress
) -> tuple[list[dict[str, Any]], set[str], list[list[str]]]:
    """Write every table as of one moment; return them, and the files they speak of."""
    folder.mkdir()
    names: set[str] = set()
    tables = []
    with consistent_read():
        applied = MigrationRecorder(connection).applied_migrations()
        for model in kept_models(apps):
            table = write_table(model, folder)
            progress(f"{table.model}: {table.rows} rows")
            tables.append(asdict(table))
            names |= _file_names(model)
    return tables, names, sorted([app, name] for app, name in applied)


def _file_names(model: type[models.Model]) -> set[str]:
    fields = [
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field, models.FileField)
    ]
    rows = model._base_manager.values_list(*fields).iterator() if fields else ()
    return {str(name) for row in rows for name in row if name}


def _known_media(destination: Path) -> dict[str, MediaFile]:
    """Return what the last backup kept, so that what is unchanged is not read again.

    One that is damaged costs reading everything, not the new backup.
    """
    earlier = backups_in(destination)
    if not earlier:
        return {}
    try:
        return {one.name: one for one in read_media_list(earlier[-1] / MEDIA_LIST)}
    except (OSError, EOFError, zlib.error, ValueError, TypeError):
        return {}


def _keep_media(
    objects: Path, names: set[str], known: dict[str, MediaFile], progress: Progress
) -> tuple[list[MediaFile], list[str]]:
    kept, gone = [], []
    for number, name in enumerate(sorted(names), start=1):
        try:
            kept.append(_keep_one(objects, name, known.get(name)))
        except FileNotFoundError:
            gone.append(name)
        if number % 100 == 0 or number == len(names):
            progress(f"media: {number} of {len(names)} files")
    return kept, gone


def _keep_one(objects: Path, name: str, known: MediaFile | None) -> MediaFile:
    size = default_storage.size(name)
    modified = default_storage.get_modified_time(name).isoformat()
    unchanged = known and (known.size, known.modified) == (size, modified)
    if known and unchanged and object_path(objects, known.sha256).exists():
        return known
    objects.mkdir(exist_ok=True)
    arriving = objects / f"arriving-{os.getpid()}"
    digest = hashlib.sha256()
    with default_storage.open(name) as source, arriving.open("wb") as target:
        for chunk in source.chunks(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    sha256 = digest.hexdigest()
    place = object_path(objects, sha256)
    place.parent.mkdir(exist_ok=True)
    arriving.rename(place)
    return MediaFile(name=name, size=size, modified=modified, sha256=sha256)


def _write_media_list(path: Path, media: list[MediaFile]) -> None:
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
        for one in media:
            file.write(json.dumps(asdict(one), ensure_ascii=False).encode() + b"\n")


def _copy_index(folder: Path) -> dict[str, Any]:
    """Copy the index; it can be built again, so one that is damaged is left out."""
    if settings.INDEX_URL:
        return {"left_out": "It is in ClickHouse.", "files": {}}
    try:
        files = copy_index(index_store.index_folder(), folder)
    except RecognitionError as error:
        return {"left_out": str(error), "files": {}}
    return {"files": {str(path): file_sha256(folder / path) for path in files}}


def _copy_keys(folder: Path) -> dict[str, str]:
    """Keep what sealed tokens and signatures hang on; nobody else may read it."""
    folder.mkdir(mode=0o700)
    keys = {SECRET_KEY_NAME: settings.SECRET_KEY.encode()}
    if signing.has_key():
        keys[SIGNING_KEY_NAME] = signing.key_path().read_bytes()
    for name, content in keys.items():
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in keys.items()}


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

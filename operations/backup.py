"""Backs up the whole installation while it runs.

A place of backups (``operations.backup_places``) holds any number of them, which share
their media:

``objects/ab/<sha256>``
    media files, named by content
``<UTC time>/manifest.json``
    content of the backup with counts and hashes; written last
``<UTC time>/tables/``, ``media.jsonl.gz``, ``index/``, ``keys/``
    rows (``operations.tables``), names of media, the landmark index, secrets
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
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

from base.common.databases import consistent_read
from catalogue import partitions
from operations.backup_places import MANIFEST, Place
from operations.hidden import refuse_hidden_rows
from operations.tables import file_sha256, kept_models, write_table
from recognition.errors import RecognitionError
from recognition.index.copying import copy_index
from reports.evidence import signing

FORMAT = "acrportal-backup/1"
MEDIA_LIST = "media.jsonl.gz"
SECRET_KEY_NAME = "secret_key"  # noqa: S105 - a file's name
EARLIER_KEYS_NAME = "secret_key_fallbacks"
SIGNING_KEY_NAME = "signing_key.pem"
_CHUNK_BYTES = 1 << 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One stored media file in a backup's list."""

    name: str
    size: int
    modified: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """The result of a backup."""

    name: str
    where: str
    rows: int
    media: int
    media_bytes: int
    gone: tuple[str, ...]
    "Names of files that rows refer to but the storage lacks."
    key_left_on: tuple[str, ...]
    "Hosts that have the signing key, which this machine lacks."


def make_backup(place: Place, progress: Progress) -> Backup:
    """Add a backup to a place; an interrupted one is removed by the next.

    Raises ``HiddenRows`` if it would leave rows out, ``OSError`` if the place has no room
    or does not answer.
    """
    refuse_hidden_rows()
    try:
        return _make_backup(place, progress)
    except OSError:
        place.give_up()
        raise


def _make_backup(place: Place, progress: Progress) -> Backup:
    name = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = place.begin(name)
    tables, names, migrations = _write_tables(folder / "tables", progress)
    earlier_media = _known_media(place)
    # The snapshot's rows name the media: later files wait for the next backup.
    media, gone = _keep_media(place, names, earlier_media, progress)
    _write_media_list(folder / MEDIA_LIST, media)
    keys = _copy_keys(folder / "keys")
    key_left_on = [] if SIGNING_KEY_NAME in keys else list(signing.keys_elsewhere())
    manifest = {
        "format": FORMAT,
        "made_at": datetime.now(tz=UTC).isoformat(),
        "database": connection.vendor,
        "versions": {"python": platform.python_version(), "django": django.get_version()},
        # A restore builds this exact schema before it loads the rows.
        "migrations": migrations,
        "tables": tables,
        "media": {
            "files": len(media),
            "bytes": sum(file.size for file in media),
            "sha256": file_sha256(folder / MEDIA_LIST),
            "gone": gone,
        },
        "index": _copy_index(folder / "index"),
        "keys": keys,
        "key_left_on": key_left_on,
    }
    _write_durably(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    return Backup(
        name=name,
        where=place.publish(folder, name),
        rows=sum(table["rows"] for table in tables),
        media=len(media),
        media_bytes=sum(file.size for file in media),
        gone=tuple(gone),
        key_left_on=tuple(key_left_on),
    )


def read_media_list(path: Path) -> Iterator[MediaFile]:
    """Yield the entries of a backup's media list."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield MediaFile(**json.loads(line))


def _write_tables(
    folder: Path, progress: Progress
) -> tuple[list[dict[str, Any]], set[str], list[list[str]]]:
    """Write all tables in one snapshot; return them and all file names in rows."""
    folder.mkdir()
    names: set[str] = set()
    tables = []
    # One snapshot, or rows could refer to rows that the backup lacks.
    with consistent_read():
        applied = MigrationRecorder(connection).applied_migrations()
        for model in kept_models(apps):
            table = write_table(model, folder)
            progress(f"{table.model}: {table.rows} rows")
            tables.append(asdict(table))
            columns = [
                field.attname
                for field in model._meta.concrete_fields
                if isinstance(field, models.FileField)
            ]
            if columns:
                rows = model._base_manager.values_list(*columns).iterator()
                names |= {str(name) for row in rows for name in row if name}
    return tables, names, sorted([app, name] for app, name in applied)


def _known_media(place: Place) -> dict[str, MediaFile]:
    """Return the media list of the last backup, to avoid reading unchanged files again.

    A damaged list only makes this backup slower, so errors count as an empty list.
    """
    newest = place.newest()
    if not newest:
        return {}
    try:
        return {file.name: file for file in read_media_list(place.file(newest, MEDIA_LIST))}
    except (OSError, EOFError, zlib.error, ValueError, TypeError):
        return {}


def _keep_media(
    place: Place, names: set[str], earlier_media: dict[str, MediaFile], progress: Progress
) -> tuple[list[MediaFile], list[str]]:
    stored, missing = [], []
    for number, name in enumerate(sorted(names), start=1):
        try:
            stored.append(_keep_one(place, name, earlier_media.get(name)))
        except FileNotFoundError:
            missing.append(name)
        if number % 100 == 0 or number == len(names):
            progress(f"media: {number} of {len(names)} files")
    return stored, missing


def _keep_one(place: Place, name: str, earlier: MediaFile | None) -> MediaFile:
    size = default_storage.size(name)
    modified = default_storage.get_modified_time(name).isoformat()
    # Hashing every file on each backup would read the whole storage.
    unchanged = earlier and (earlier.size, earlier.modified) == (size, modified)
    if earlier and unchanged and place.has(earlier.sha256):
        return earlier
    # Hash while copying, then move: the place never holds half a file.
    partial = place.arrival()
    digest = hashlib.sha256()
    with default_storage.open(name) as source, partial.open("wb") as target:
        for chunk in source.chunks(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    sha256 = digest.hexdigest()
    place.add(partial, sha256)
    return MediaFile(name=name, size=size, modified=modified, sha256=sha256)


def _write_media_list(path: Path, media: list[MediaFile]) -> None:
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
        for entry in media:
            file.write(json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n")


def _copy_index(folder: Path) -> dict[str, Any]:
    """Copy the index; omit a damaged index, because it can be rebuilt."""
    whole, *parts = partitions.every()
    if parts:
        return {"left_out": "each machine builds its partitions again", "files": {}}
    try:
        files = copy_index(whole.folder, folder)
    except RecognitionError as error:
        return {"left_out": str(error), "files": {}}
    return {"files": {str(path): file_sha256(folder / path) for path in files}}


def _copy_keys(folder: Path) -> dict[str, str]:
    """Copy the keys of sealed tokens and signatures, readable by the owner only."""
    folder.mkdir(mode=0o700)
    keys = {SECRET_KEY_NAME: settings.SECRET_KEY.encode()}
    if settings.SECRET_KEY_FALLBACKS:
        keys[EARLIER_KEYS_NAME] = "\n".join(settings.SECRET_KEY_FALLBACKS).encode()
    if (signing_key := signing.stored_key()) is not None:
        keys[SIGNING_KEY_NAME] = signing_key
    for name, content in keys.items():
        # Create with the final mode, so that nobody can read the key in between.
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in keys.items()}


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

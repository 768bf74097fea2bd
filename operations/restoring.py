"""Restores a backup into an empty installation.

It checks everything before it writes anything. Files come first and rows last, in one
transaction, so an interrupted restore can run again.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import environ
from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

from base.common.phrases import count_noun
from base.common.storage import sha256_of
from base.jobs.installation import wait_for_decision
from catalogue import index_log, index_store
from operations import earlier
from operations.backup import (
    EARLIER_KEYS_NAME,
    FORMAT,
    MEDIA_LIST,
    SECRET_KEY_NAME,
    SIGNING_KEY_NAME,
    MediaFile,
    Progress,
    read_media_list,
)
from operations.backup_places import MANIFEST, FolderPlace, Place, backups_in
from operations.tables import (
    BackupUnusable,
    ModelRegistry,
    continue_numbering,
    file_sha256,
    kept_models,
    load_table,
    write_table,
)
from reports.evidence import signing

Node = tuple[str, str]


class NotFresh(Exception):
    """The installation already holds data; nothing was changed."""


def find_backup(path: Path) -> Path:
    """Return a backup's folder, given the backup or a folder of several."""
    if not path.is_dir():
        raise BackupUnusable(f"{path} is no folder. Name a backup, or a folder of backups.")
    if (path / MANIFEST).is_file():
        return path
    backups = backups_in(path)
    if not backups:
        raise BackupUnusable(f"{path} holds no finished backup: a backup contains {MANIFEST}.")
    return backups[-1]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a backup says of itself."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (ValueError, RecursionError) as error:
        raise BackupUnusable(f"{folder / MANIFEST} is damaged: {error}.") from error
    if not isinstance(manifest, dict):
        raise BackupUnusable(f"{folder / MANIFEST} is damaged: it is no object.")
    return manifest


def _manifest_of_today(folder: Path) -> dict[str, Any]:
    """Return the manifest; raise ``BackupUnusable`` if this version cannot restore it."""
    manifest = read_manifest(folder)
    if manifest.get("format") != FORMAT:
        raise BackupUnusable(
            f"{folder} has the format {manifest.get('format')!r}; this version reads {FORMAT}."
        )
    if not any(table["rows"] for table in manifest["tables"]):
        raise BackupUnusable(f"{folder} holds no rows: it is a backup of nothing.")
    return manifest


@dataclass(frozen=True, slots=True)
class CheckedBackup:
    """A backup whose bytes were compared with its hashes."""

    manifest: dict[str, Any]  # Any: JSON
    damaged: dict[str, str]
    """Why each media file of the backup cannot be restored, by its name."""
    index_fault: str
    """Why the index of the backup cannot be restored; empty if it can."""

    @property
    def faults(self) -> list[str]:
        """Sentences about what is damaged."""
        return [*self.damaged.values(), *filter(None, [self.index_fault])]

    @property
    def lacking(self) -> list[str]:
        """Sentences about what the backup never held."""
        media, index = self.manifest["media"], self.manifest["index"]
        left_out = index.get("left_out")
        return [
            *(
                f"{name} was missing in the storage when it was backed up."
                for name in media["gone"]
            ),
            *([f"The index was left out ({left_out}): it is built again."] if left_out else []),
            *(
                f"The signing key is on {host}: back it up there."
                for host in self.manifest.get("key_left_on", [])
            ),
        ]


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore."""

    rows: dict[str, int]
    """The rows of each table."""
    not_restored: list[str]
    """Sentences about what is missing now."""


def examine_backup(folder: Path, place: Place, progress: Progress) -> CheckedBackup:
    """Compare every byte of a backup with its manifest.

    ``folder`` has everything but the media, which are in ``place``. Raises
    ``BackupUnusable`` if nothing can be restored, because a table or a key is damaged.
    """
    manifest = _manifest_of_today(folder)
    _check_files(folder / "tables", {t["file"]: t["sha256"] for t in manifest["tables"]})
    progress(f"tables: {len(manifest['tables'])} read")
    _check_files(folder, {MEDIA_LIST: manifest["media"]["sha256"]})
    _check_files(folder / "keys", manifest["keys"])
    damaged, total = {}, manifest["media"]["files"]
    for number, media in enumerate(read_media_list(folder / MEDIA_LIST), start=1):
        if fault := _fault_of(media, place):
            damaged[media.name] = fault
        if number % 100 == 0 or number == total:
            progress(f"media: {number} of {total} read, {len(damaged)} damaged or missing")
    return CheckedBackup(manifest, damaged, _fault_of_index(folder, manifest))


def check_backup(folder: Path, progress: Progress, place: Place | None = None) -> CheckedBackup:
    """Compare every byte of a backup; raise ``BackupUnusable`` that names all damage."""
    checked = examine_backup(folder, place or FolderPlace(folder.parent), progress)
    if checked.faults:
        raise BackupUnusable("\n".join(checked.faults))
    return checked


def restore(
    folder: Path, progress: Progress, place: Place | None = None, *, incomplete: bool = False
) -> Restored:
    """Restore a backup, with ``incomplete`` also without media and an index that are damaged.

    ``BackupUnusable`` and ``NotFresh`` are raised before anything is written.
    """
    place = place or FolderPlace(folder.parent)
    manifest = _manifest_of_today(folder)
    nodes = _known_migrations(manifest)
    _require_fresh(nodes)
    # Last, because it reads every byte, which may take hours.
    checked = examine_backup(folder, place, progress)
    if checked.faults and not incomplete:
        raise BackupUnusable(
            "\n".join(checked.faults) + "\nRestore an earlier backup, or this one without "
            "what is named above: --incomplete."
        )
    _restore_keys(folder / "keys")
    _restore_media(folder, place, checked, progress)
    has_index = bool(manifest["index"]["files"]) and not checked.index_fault
    # The index is compared with the rows when it first follows them.
    for index in index_store.index_folders():
        shutil.rmtree(index, ignore_errors=True)
        # A backup holds the whole index, or none.
        if has_index and index.name == "index":
            shutil.copytree(folder / "index", index)
    rows = _restore_rows(folder, manifest, nodes, progress)
    call_command("migrate", verbosity=0)
    index_log.begin_anew()
    return Restored(rows, [*checked.lacking, *checked.faults])


def differences(folder: Path, progress: Progress, *, media: bool) -> Iterator[str]:
    """Yield each table and file that differs from a backup of this version."""
    manifest = read_manifest(folder)
    by_label = {model._meta.label_lower: model for model in kept_models(apps)}
    with tempfile.TemporaryDirectory() as scratch:
        for table in manifest["tables"]:
            model = _model_of(by_label, table["model"])
            here = write_table(model, Path(scratch))
            if here.sha256 != table["sha256"]:
                yield (
                    f"{table['model']} has {count_noun(here.rows, 'row')}, the backup "
                    f"{table['rows']}, and they differ"
                )
    progress(f"tables: {len(manifest['tables'])} compared")
    for number, entry in enumerate(read_media_list(folder / MEDIA_LIST), start=1):
        if not media:
            return
        if _stored_sha256(entry.name) != entry.sha256:
            yield f"{entry.name} is missing or differs"
        if number % 100 == 0 or number == manifest["media"]["files"]:
            progress(f"media: {number} of {manifest['media']['files']} files compared")


def _stored_sha256(name: str) -> str:
    """Return the hash of a stored file, or an empty string if it is missing."""
    try:
        with default_storage.open(name) as file:
            return sha256_of(file)
    except FileNotFoundError:
        return ""


def _check_files(folder: Path, hashes: dict[str, str]) -> None:
    for name, sha256 in hashes.items():
        _check_file(folder / name, sha256)


def _check_file(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise BackupUnusable(f"The backup lacks {path}.")
    if file_sha256(path) != sha256:
        raise BackupUnusable(f"{path} is damaged: its content does not match its hash.")


def _fault_of(media: MediaFile, place: Place) -> str:
    """Return why a media file cannot be restored, or an empty string."""
    where = place.where(media.sha256)
    try:
        with place.open(media.sha256) as file:
            is_intact = sha256_of(file) == media.sha256
    except FileNotFoundError:
        return f"{media.name} is lost: the backup lacks {where}."
    if is_intact:
        return ""
    return f"{media.name} is lost: {where} is damaged: its content does not match its hash."


def _fault_of_index(folder: Path, manifest: dict[str, Any]) -> str:
    try:
        _check_files(folder / "index", manifest["index"]["files"])
    except BackupUnusable as error:
        return f"{error} The index can be built again."
    return ""


def _known_migrations(manifest: dict[str, Any]) -> set[Node]:
    nodes = {(app, name) for app, name in manifest["migrations"]}
    nodes = earlier.migrations_of_today(nodes)
    if earlier.is_earlier(nodes):
        raise BackupUnusable(
            "The backup is from before version 1.0. Restore it with the version that "
            f"made it, check out the commit {earlier.LAST_COMMIT} there, run its "
            "migrate, take a new backup and restore that."
        )
    own_nodes = set(MigrationExecutor(connection).loader.disk_migrations)
    # Their tables may have columns that this version would lose.
    if unknown := nodes - own_nodes:
        names = ", ".join(f"{app}.{name}" for app, name in sorted(unknown))
        raise BackupUnusable(
            f"The backup has migrations that this version does not know: {names}. "
            "Restore it with the version that made it, and with the same "
            "ACRPORTAL_PLUGINS."
        )
    return nodes


def _require_fresh(nodes: set[Node]) -> None:
    """Accept an empty database, or one where an earlier restore stopped."""
    applied = set(MigrationExecutor(connection).loader.applied_migrations)
    if not applied:
        return
    if any(app == "accounts" for app, _name in applied):
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM accounts_user")
            (users,) = cursor.fetchone()
        if users:
            raise NotFresh(
                "This installation has users already. Restore into an empty database: "
                "name a new one in DATABASE_URL, or another ACRPORTAL_DATA_DIR."
            )
    if applied - nodes:
        raise NotFresh(
            "The database was set up by a newer version than the backup's. Restore into "
            "an empty database; the restore updates it afterwards."
        )


def _restore_keys(folder: Path) -> None:
    """Restore the keys, without which sealed tokens cannot be read."""
    secret = (folder / SECRET_KEY_NAME).read_text(encoding="utf-8")
    if environ.FileAwareEnv().str("SECRET_KEY", default="") not in ("", secret):
        raise NotFresh(
            "SECRET_KEY differs from the backup's. Set it to the content of "
            f"{folder / SECRET_KEY_NAME}."
        )
    _write_secret(settings.ACRPORTAL_DATA_DIR / "secret_key", secret.encode())
    for name, path in (
        (EARLIER_KEYS_NAME, settings.ACRPORTAL_DATA_DIR / "secret_key_fallbacks"),
        (SIGNING_KEY_NAME, signing.key_path()),
    ):
        if (folder / name).is_file():
            _write_secret(path, (folder / name).read_bytes())


def _write_secret(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.arriving")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    partial.replace(path)


def _restore_media(folder: Path, place: Place, checked: CheckedBackup, progress: Progress) -> None:
    total = checked.manifest["media"]["files"] - len(checked.damaged)
    intact = (
        media for media in read_media_list(folder / MEDIA_LIST) if media.name not in checked.damaged
    )
    for number, media in enumerate(intact, start=1):
        if default_storage.exists(media.name):
            # Left by an interrupted restore: complete, or half a file.
            if default_storage.size(media.name) == media.size:
                continue
            default_storage.delete(media.name)
        with place.open(media.sha256) as file:
            stored = default_storage.save(media.name, file)
        # A storage that renames would break the references in rows.
        if stored != media.name:
            default_storage.delete(stored)
            raise NotFresh(f"The storage does not accept the name {media.name}.")
        if number % 100 == 0 or number == total:
            progress(f"media: {number} of {total} files restored")


def _restore_rows(
    folder: Path, manifest: dict[str, Any], nodes: set[Node], progress: Progress
) -> dict[str, int]:
    # Build the schema of the backup's version, load the rows, and let ``migrate``
    # update both afterwards.
    executor = MigrationExecutor(connection)
    executor.migrate(_last_of_each(executor, nodes))
    # A new executor, because the first one's graph state is out of date now.
    executor = MigrationExecutor(connection)
    state = executor.loader.project_state(_last_of_each(executor, nodes)).apps
    registry = cast("ModelRegistry", state)
    by_label = {m._meta.label_lower: m for m in kept_models(registry)}
    rows: dict[str, int] = {}
    moved = earlier.moved()
    with transaction.atomic():
        for table in manifest["tables"]:
            model = _model_of(by_label, moved.get(table["model"], table["model"]))
            rows[table["model"]] = load_table(model, folder / "tables" / table["file"])
            if rows[table["model"]] != table["rows"]:
                raise BackupUnusable(f"{table['file']} has lost rows.")
            progress(f"{table['model']}: {table['rows']} rows")
        connection.check_constraints()
        # Explicit keys leave PostgreSQL sequences behind.
        continue_numbering(list(by_label.values()))
        # With the rows, so that no worker finds them without it.
        wait_for_decision(backup=folder.name)
    return rows


def _model_of(by_label: dict[str, type[models.Model]], label: str) -> type[models.Model]:
    if label not in by_label:
        raise BackupUnusable(
            f"The backup has rows of {label}, which this version has no table for."
        )
    return by_label[label]


def _last_of_each(executor: MigrationExecutor, nodes: Iterable[Node]) -> list[Node]:
    """Return the last migration of each app among those of the backup."""
    chosen = set(nodes)
    graph = executor.loader.graph
    return sorted(
        node
        for node in chosen
        if not any(
            child.key[0] == node[0] and child.key in chosen
            for child in graph.node_map[node].children
        )
    )

"""Moves, describes and deletes files, and deletes containers with their files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.standing import StandingStatement, as_event, standing_on
from base.common.batches import batched
from scanning.choices import ACTIVE_SCAN_STATUSES
from scanning.cloud_jobs import delete_copy
from scanning.errors import IntakeRefused
from scanning.models import Container, Scan, ScannedFile
from scanning.services.intake import Details, address_of
from scanning.services.scans import stop_scan
from scanning.uses import FileAiring, stored_airings

MAX_TAGS = 50
_AT_ONCE = 500

# Sent with ``scanned_file``, in the transaction that moves it to another container.
file_moved = Signal()


def why_not_moved(*, scanned_file: ScannedFile, container: Container) -> str:
    """Return why the file cannot be moved to the container; empty if it can."""
    if scanned_file.container_id == container.pk:
        return _("It is already in %(name)s.") % {"name": container.name}
    if scanned_file.remote_id:
        return _("ACRCloud has a copy in this container's account. Submit the file again instead.")
    if Scan.objects.filter(scanned_file=scanned_file, status__in=ACTIVE_SCAN_STATUSES).exists():
        return _("It is being scanned. Move it after the scan.")
    return ""


@transaction.atomic
def move_file(*, scanned_file: ScannedFile, container: Container, user: User) -> ScannedFile:
    """Move a file to another container; its results and decisions stay as they are.

    Raise ``IntakeRefused`` if it cannot be moved.
    """
    # Lock the row, because a scan may begin at the same time.
    rows = ScannedFile.objects.present().select_for_update(of=("self",))
    current = rows.select_related("container").get(pk=scanned_file.pk)
    if why := why_not_moved(scanned_file=current, container=container):
        raise IntakeRefused("not_moved", why)
    before = current.container.name
    _write(current, container=container)
    base.audit.services.record(
        case=f"file:{current.uid}",
        action="file.moved",
        actor=user,
        before={"container": before},
        after={"container": container.name},
    )
    file_moved.send(sender=ScannedFile, scanned_file=current)
    return current


def _write(scanned_file: ScannedFile, **values: object) -> None:
    now = datetime.now(tz=UTC)
    rows = ScannedFile.objects.filter(pk=scanned_file.pk)
    rows.update(**values, updated_at=now)
    scanned_file.refresh_from_db()


@transaction.atomic
def change_details(*, scanned_file: ScannedFile, details: Details, user: User) -> bool:
    """Store these details with an event; return whether any changed. The others stay."""
    current = ScannedFile.objects.select_for_update(of=("self",)).get(pk=scanned_file.pk)
    before = {name: getattr(current, name) for name in details}
    changed = [name for name in details if details[name] != before[name]]
    if not changed:
        return False
    for name in changed:
        setattr(current, name, details[name])
    if "source_url" in changed:
        if not current.may_get_address:
            raise IntakeRefused("not_changed", _("The address of a link cannot be changed."))
        current.source_url, current.link_key = address_of(details)
    current.save(update_fields=[*changed, "link_key", "updated_at"])
    base.audit.services.record(
        case=f"file:{current.uid}",
        action="file.details_changed",
        actor=user,
        before={name: _as_json(before[name]) for name in changed},
        after={name: _as_json(details[name]) for name in changed},
    )
    return True


@transaction.atomic
def set_airings(
    *, scanned_file: ScannedFile, airings: Iterable[FileAiring], user: User | None
) -> bool:
    """Store when and where stations broadcast a file; return whether that changed."""
    rows = ScannedFile.objects.select_for_update(of=("self",))
    current = rows.get(pk=scanned_file.pk)
    before, after = current.aired, stored_airings(airings)
    if before == after:
        return False
    current.aired = after
    current.save(update_fields=["aired", "updated_at"])
    base.audit.services.record(
        case=f"file:{current.uid}",
        action="file.aired_changed",
        actor=user or base.audit.services.SYSTEM,
        before={"aired": before},
        after={"aired": after},
    )
    return True


def _as_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def delete_files(*, files: Iterable[ScannedFile], user: User | None, reason: str) -> None:
    """Delete all files or none, and cancel their scans; decisions about them stay.

    The event of each keeps the statements that stand on it.
    """
    with transaction.atomic():
        for some in batched(files, _AT_ONCE):
            _delete_some(some, user, reason)


def delete_container(*, container: Container, user: User | None, reason: str) -> None:
    """Delete a container with its files; its id is never reused."""
    with transaction.atomic():
        live = container.files.present()
        # A container can hold hundreds of thousands of files.
        for some in batched(live.iterator(chunk_size=_AT_ONCE), _AT_ONCE):
            _delete_some(some, user, reason)
        Container.objects.present().filter(pk=container.pk).update(deleted_at=datetime.now(tz=UTC))
        base.audit.services.record(
            case=f"container:{container.pk}",
            action="container.deleted",
            actor=user or base.audit.services.SYSTEM,
            before={"name": container.name},
            note=reason,
        )


def _delete_some(files: Sequence[ScannedFile], user: User | None, reason: str) -> None:
    # Statements that the person may not see lose their ground as well.
    with working_for(None):
        stated = standing_on(f"file:{file.uid}" for file in files)
    for file in files:
        _delete_file(file, user, reason, stated.get(f"file:{file.uid}", ()))


def _delete_file(
    file: ScannedFile, user: User | None, reason: str, stated: Iterable[StandingStatement]
) -> None:
    for scan in Scan.objects.filter(scanned_file=file, status__in=ACTIVE_SCAN_STATUSES):
        stop_scan(scan)
    ScannedFile.objects.filter(pk=file.pk).update(deleted_at=datetime.now(tz=UTC))
    # A worker may just have sent the file and stored its remote id.
    file.refresh_from_db(fields=["remote_id"])
    delete_copy(scanned_file=file, remote_id=file.remote_id)
    base.audit.services.record(
        case=f"file:{file.uid}",
        action="file.deleted",
        actor=user or base.audit.services.SYSTEM,
        before={"name": file.name},
        after=as_event(stated),
        note=reason,
    )

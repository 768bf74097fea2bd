"""Imports: stored with their files, checked, and started on request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.reach import refuse_limited
from accounts.roles import Action
from catalogue.models import Bucket
from common.storage import display_name, keep_file
from imports.jobs import (
    AUDIO,
    BROADCASTS,
    CLAIMS,
    MOVES,
    RECORDINGS,
    RESULTS,
    RIGHTS,
    kind_of,
)
from imports.models import (
    MAPPABLE_STATUSES,
    UNDO_CHECKABLE,
    AudioImport,
    BroadcastImport,
    CatalogueImport,
    ClaimsImport,
    Import,
    ImportStatus,
    ImportStep,
    MappingOrigin,
    Moved,
    MoveIn,
    ResultImport,
    RightsImport,
    StepState,
)
from imports.recordings.mapping import Columns, from_json, refuse_impossible, to_json
from jobs.choices import JobState
from jobs.kinds import Kind
from jobs.services import cancel_subject, submit
from platforms.models import PlatformAccount
from scanning.models import CloudAccount, Container
from scanning.services.containers import update_container


def keep_table(
    *,
    bucket: Bucket,
    table: File[bytes],
    archive: File[bytes] | None,
    encoding: str,
    keep_unknown: bool,
    user: User,
) -> CatalogueImport:
    """Store a table of recordings and its audio, and have it checked."""
    one = CatalogueImport(
        bucket=bucket,
        file_name=display_name(table.name or "", otherwise="table"),
        encoding=encoding,
        keep_unknown=keep_unknown,
        made_by=user,
    )
    one.file = keep_file(table, f"imports/{one.uid}/table").name
    if archive is not None:
        one.audio = keep_file(archive, f"imports/{one.uid}/audio.zip").name
    with transaction.atomic():
        one.save()
        submit(RECORDINGS.check, one, user=user)
    return one


def keep_audio(
    *, bucket: Bucket, archive: File[bytes], table: File[bytes] | None, user: User
) -> AudioImport:
    """Store a ZIP with audio for a bucket's waiting recordings, and have it paired.

    ``table`` says which file belongs to which recording, where names do not.
    """
    one = AudioImport(
        bucket=bucket,
        file_name=display_name(archive.name or "", otherwise="audio"),
        made_by=user,
    )
    one.file = keep_file(archive, f"imports/{one.uid}/audio.zip").name
    if table is not None:
        one.table = keep_file(table, f"imports/{one.uid}/table").name
    with transaction.atomic():
        one.save()
        submit(AUDIO.check, one, user=user)
    return one


def keep_results(
    *, container: Container, file: File[bytes], user: User
) -> ResultImport:
    """Store a file of results, and have it checked."""
    one = ResultImport(
        container=container,
        file_name=display_name(file.name or "", otherwise="results"),
        made_by=user,
    )
    one.file = keep_file(file, f"result-imports/{one.uid}").name
    with transaction.atomic():
        one.save()
        submit(RESULTS.check, one, user=user)
    return one


def keep_rights(
    *, file: File[bytes], sender: str, encoding: str, user: User
) -> RightsImport:
    """Store a message or table of rights, and have it checked.

    ``sender`` claims what a table says. Raises ``PermissionDenied`` for people with
    access limits, because rights concern the whole catalogue.
    """
    refuse_limited(user)
    one = RightsImport(
        file_name=display_name(file.name or "", otherwise="rights"),
        sender=sender,
        encoding=encoding,
        made_by=user,
    )
    one.file = keep_file(file, f"rights-imports/{one.uid}").name
    with transaction.atomic():
        one.save()
        submit(RIGHTS.check, one, user=user)
    return one


def keep_broadcasts(*, file: File[bytes], encoding: str, user: User) -> BroadcastImport:
    """Store a schedule or a table of audiences, and have it checked."""
    one = BroadcastImport(
        file_name=display_name(file.name or "", otherwise="broadcasts"),
        encoding=encoding,
        made_by=user,
    )
    one.file = keep_file(file, f"broadcast-imports/{one.uid}").name
    with transaction.atomic():
        one.save()
        submit(BROADCASTS.check, one, user=user)
    return one


def keep_claims(
    *, file: File[bytes], account: PlatformAccount, report_day: date, user: User
) -> ClaimsImport:
    """Store a platform's report, and have it checked.

    Raises ``PermissionDenied`` for people with access limits, because claims concern the
    whole catalogue.
    """
    refuse_limited(user)
    one = ClaimsImport(
        file_name=display_name(file.name or "", otherwise="report"),
        account=account,
        report_day=report_day,
        made_by=user,
    )
    one.file = keep_file(file, f"claims-imports/{one.uid}").name
    with transaction.atomic():
        one.save()
        submit(CLAIMS.check, one, user=user)
    return one


def look_at_account(
    *, account: CloudAccount, parts: Sequence[str], since: date, user: User
) -> MoveIn:
    """Have it counted what an account holds, before any of it moves in.

    Only admins without access limits may. Raises ``PermissionDenied``.
    """
    one = plan_move(account=account, parts=parts, since=since, user=user)
    with transaction.atomic():
        one.save()
        submit(MOVES.check, one, user=user)
    return one


def plan_move(
    *, account: CloudAccount, parts: Sequence[str], since: date, user: User
) -> MoveIn:
    """Return a move that is not saved. Raises ``PermissionDenied``."""
    _require_move(user)
    return MoveIn(
        account=account,
        file_name=account.name,
        parts=list(parts),
        since=since,
        made_by=user,
    )


def _require_move(user: User) -> None:
    refuse_limited(user)
    if not user.has_perm(Action.CONFIGURE):
        raise PermissionDenied(_("Only admins may move an account in."))


def take_over_callback(*, moved: Moved, user: User) -> None:
    """Post the results of a moved container to the address that it had there.

    Raises ``PermissionDenied``.
    """
    _require_move(user)
    container = Container.objects.present().get(pk=moved.case.partition(":")[2])
    update_container(
        container=container, columns={"callback_url": moved.callback_url}, user=user
    )


@transaction.atomic
def change_columns(
    *, one: CatalogueImport, columns: Columns, version: int, user: User
) -> bool:
    """Store the mapping that a person chose, and have the table checked with it.

    Return False, having changed nothing, if the import has another ``version`` of its
    mapping now, or is no longer in a state in which people may change it. Raises
    ``MappingRefused`` for an impossible mapping.
    """
    refuse_impossible(columns)
    rows = CatalogueImport.objects.filter(
        pk=one.pk, status__in=MAPPABLE_STATUSES, mapping_version=version
    )
    changed = rows.update(
        status=ImportStatus.CHECKING,
        message="",
        summary={},
        bad_rows="",
        columns=to_json(columns),
        columns_from=MappingOrigin.CHOSEN,
        mapping_version=version + 1,
    )
    if changed:
        before = from_json(one.columns)
        audit.services.record(
            case=one.case,
            action="bucket.import_columns_changed",
            actor=user,
            before={"columns": _named_targets(before, columns)},
            after={"import": one.uid, "columns": _named_targets(columns, before)},
        )
        submit(RECORDINGS.check, one, user=user)
    return bool(changed)


def _named_targets(columns: Columns, others: Columns) -> list[str]:
    """Return what becomes of each column that is different in the other mapping."""
    return [
        f"{column.name[:80] or number} → {column.target}"
        + (", empty cells clear" if column.clears else "")
        for number, (column, other) in enumerate(
            zip(columns, others, strict=False), start=1
        )
        if (column.target, column.clears) != (other.target, other.clears)
    ]


@transaction.atomic
def start(*, one: Import, user: User, mapping_version: int | None = None) -> bool:
    """Have a checked file imported; return False if it was not waiting for that.

    Also return False if the mapping was changed after ``mapping_version``.
    """
    _refuse_limited(one, user)
    kind = kind_of(one)
    expected: dict[str, object] = {"status": ImportStatus.CHECKED}
    if mapping_version is not None and isinstance(one, CatalogueImport):
        expected["mapping_version"] = mapping_version
    rows = type(one)._default_manager.filter(pk=one.pk, **expected)
    started = bool(rows.update(status=ImportStatus.IMPORTING))
    if started:
        audit.services.record(
            case=one.case,
            action=f"{kind.event}_started",
            actor=user,
            after={"import": one.uid, kind.file_label: one.file_name},
        )
        submit(kind.carry_out, one, user=user)
    return started


@transaction.atomic
def try_again(*, one: Import, user: User) -> bool:
    """Repeat the step that failed; return False if the import was not refused.

    A checked file is imported, any other is checked first.
    """
    _refuse_limited(one, user)
    kind = kind_of(one)
    step = kind.carry_out if one.summary else kind.check
    rows = type(one)._default_manager.filter(pk=one.pk, status=ImportStatus.REFUSED)
    revived = bool(rows.update(status=step.mirror[JobState.WAITING]))
    if revived:
        audit.services.record(
            case=one.case,
            action=f"{kind.event}_tried_again",
            actor=user,
            after={"import": one.uid},
        )
        submit(step, one, user=user)
    return revived


@transaction.atomic
def check_undo(*, one: Import, user: User) -> bool:
    """Have it checked what an undo would take back; return False if it cannot be now."""
    return _undo_step(one, user, kind_of(one).undo_check, UNDO_CHECKABLE)


@transaction.atomic
def undo(*, one: Import, user: User) -> bool:
    """Have an import undone after the check; return False if it was not checked."""
    return _undo_step(one, user, kind_of(one).undo, [ImportStatus.UNDO_CHECKED])


@transaction.atomic
def keep(*, one: Import, user: User) -> bool:
    """Leave an import as it is after the check of an undo."""
    _refuse_limited(one, user)
    checked = type(one)._default_manager.filter(
        pk=one.pk, status=ImportStatus.UNDO_CHECKED
    )
    return bool(checked.update(status=ImportStatus.DONE, message=""))


def can_be_undone(one: Import) -> bool:
    """Return whether an import did something that was not taken back."""
    if one.status not in UNDO_CHECKABLE:
        return False
    steps = ImportStep.objects.filter(import_uid=one.uid, state=StepState.DONE)
    return steps.exists()


def _undo_step(
    one: Import, user: User, step: Kind, expected: Collection[ImportStatus]
) -> bool:
    _refuse_limited(one, user)
    if not can_be_undone(one):
        return False
    rows = type(one)._default_manager.filter(pk=one.pk, status__in=expected)
    begun = bool(rows.update(status=step.mirror[JobState.WAITING], message=""))
    if begun:
        submit(step, one, user=user)
    return begun


@transaction.atomic
def cancel(*, one: Import, user: User) -> bool:
    """Cancel the check, the import or its undo; return False if none waits or runs."""
    _refuse_limited(one, user)
    kind = kind_of(one)
    is_cancelled = any(
        cancel_subject(step, one)
        for step in (kind.check, kind.carry_out, kind.undo_check, kind.undo)
    )
    if is_cancelled:
        audit.services.record(
            case=one.case,
            action=f"{kind.event}_cancelled",
            actor=user,
            after={"import": one.uid},
        )
    return is_cancelled


def _refuse_limited(one: Import, user: User) -> None:
    """Raise ``PermissionDenied`` if the user may not do anything with this import."""
    if one.concerns_everything:
        refuse_limited(user)
    if isinstance(one, MoveIn):
        _require_move(user)

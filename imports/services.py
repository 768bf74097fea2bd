"""Imports: stored with their files, checked, and started on request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from base.common.storage import display_name, keep_file
from base.jobs.choices import JobState
from base.jobs.kinds import Kind
from base.jobs.services import cancel_subject, submit
from imports.column_check import HEADER_LINE
from imports.kinds import ImportKind, One, kind_of, targets_of
from imports.mapping import Columns, from_json, refuse_impossible, to_json
from imports.models import (
    MAPPABLE_STATUSES,
    UNDO_CHECKABLE,
    Import,
    ImportStatus,
    ImportStep,
    MappedImport,
    MappingOrigin,
    StepState,
)


def keep_upload(
    kind: ImportKind[One], *, user: User, **values: Any
) -> One:  # Any: of the kind's form
    """Store an import with its files, and have it checked.

    Raises ``PermissionDenied``.
    """
    import_ = make_import(kind, user=user, **values)
    with transaction.atomic():
        import_.save()
        submit(kind.check, import_, user=user)
    return import_


def make_import(kind: ImportKind[One], *, user: User, **values: Any) -> One:  # Any: as above
    """Store the files of an import; the import itself is not saved.

    Raises ``PermissionDenied``.
    """
    kind.refuse(user)
    files = {name: values.pop(name, None) for name in kind.uploads}
    import_ = kind.model(made_by=user, **kind.prepare(user, values))
    for name, (column, path) in kind.uploads.items():
        if (file := files[name]) is not None:
            setattr(import_, column, keep_file(file, path.format(import_.uid)).name)
            if column == "file":
                import_.file_name = display_name(file.name or "", otherwise=kind.key)
    return import_


@transaction.atomic
def change_columns(
    *,
    import_: MappedImport,
    columns: Columns,
    version: int,
    user: User,
    rules: Mapping[str, Any] | None = None,  # Any: JSON
) -> bool:
    """Store the mapping that a person chose, and have the table checked with it.

    ``rules`` are those of ``one.rules`` that they chose, too. Another line with the names
    of the columns has other columns, which the check maps anew. Return False, having changed nothing, if the import has another ``version`` of its
    mapping now, or is no longer in a state in which people may change it. Raises
    ``MappingRefused`` for an impossible mapping.
    """
    kind = kind_of(import_)
    kind.refuse(user)
    chosen = {**import_.rules, **(rules or {})}
    origin = MappingOrigin.CHOSEN
    if chosen.get(HEADER_LINE) != import_.rules.get(HEADER_LINE):
        columns, origin = (), MappingOrigin.GUESSED
        chosen = {HEADER_LINE: chosen[HEADER_LINE]}
    refuse_impossible(columns)
    rows = type(import_)._default_manager.filter(
        pk=import_.pk, status__in=MAPPABLE_STATUSES, mapping_version=version
    )
    changed = rows.update(
        status=ImportStatus.CHECKING,
        message="",
        summary={},
        columns=to_json(columns),
        columns_from=origin,
        rules=chosen,
        mapping_version=version + 1,
        **dict.fromkeys(import_.outcome_columns, ""),
    )
    if changed:
        before = from_json(import_.columns, targets_of(import_))
        base.audit.services.record(
            case=import_.case,
            action=f"{kind.event}_columns_changed",
            actor=user,
            before={"columns": _named_targets(before, columns)},
            after={
                "import": import_.uid,
                "columns": _named_targets(columns, before),
                "rules": {
                    name: value
                    for name, value in chosen.items()
                    if value != import_.rules.get(name)
                },
            },
        )
        submit(kind.check, import_, user=user)
    return bool(changed)


def _named_targets(columns: Columns, earlier: Columns) -> list[str]:
    """Return what becomes of each column that is different in the other mapping."""
    return [
        f"{column.name[:80] or number} → {column.target}"
        + (", empty cells clear" if column.clears else "")
        for number, (column, before) in enumerate(zip(columns, earlier, strict=False), start=1)
        if (column.target, column.clears) != (before.target, before.clears)
    ]


@transaction.atomic
def start(*, import_: Import, user: User, mapping_version: int | None = None) -> bool:
    """Have a checked file imported; return False if it was not waiting for that.

    Also return False if the mapping was changed after ``mapping_version``.
    """
    kind = kind_of(import_)
    kind.refuse(user)
    expected: dict[str, object] = {"status": ImportStatus.CHECKED}
    if mapping_version is not None and isinstance(import_, MappedImport):
        expected["mapping_version"] = mapping_version
    rows = type(import_)._default_manager.filter(pk=import_.pk, **expected)
    started = bool(rows.update(status=ImportStatus.IMPORTING))
    if started:
        _record(import_, "started", user, **{kind.file_label: import_.file_name})
        submit(kind.carry_out, import_, user=user)
    return started


@transaction.atomic
def try_again(*, import_: Import, user: User) -> bool:
    """Repeat the step that failed; return False if the import was not refused.

    A checked file is imported, any other is checked first.
    """
    kind = kind_of(import_)
    kind.refuse(user)
    step = kind.carry_out if import_.summary else kind.check
    rows = type(import_)._default_manager.filter(pk=import_.pk, status=ImportStatus.REFUSED)
    revived = bool(rows.update(status=step.mirror[JobState.WAITING]))
    if revived:
        _record(import_, "tried_again", user)
        submit(step, import_, user=user)
    return revived


@transaction.atomic
def check_undo(*, import_: Import, user: User) -> bool:
    """Have it checked what an undo would take back; return False if it cannot be now."""
    return _undo_step(import_, user, kind_of(import_).undo_check, UNDO_CHECKABLE)


@transaction.atomic
def undo(*, import_: Import, user: User) -> bool:
    """Have an import undone after the check; return False if it was not checked."""
    return _undo_step(import_, user, kind_of(import_).undo, [ImportStatus.UNDO_CHECKED])


@transaction.atomic
def keep(*, import_: Import, user: User) -> bool:
    """Leave an import as it is after the check of an undo."""
    kind_of(import_).refuse(user)
    checked = type(import_)._default_manager.filter(pk=import_.pk, status=ImportStatus.UNDO_CHECKED)
    return bool(checked.update(status=ImportStatus.DONE, message=""))


def can_be_undone(import_: Import) -> bool:
    """Return whether an import did something that was not taken back."""
    if import_.status not in UNDO_CHECKABLE:
        return False
    steps = ImportStep.objects.filter(import_uid=import_.uid, state=StepState.DONE)
    return steps.exists()


def _undo_step(import_: Import, user: User, step: Kind, expected: Collection[ImportStatus]) -> bool:
    kind_of(import_).refuse(user)
    if not can_be_undone(import_):
        return False
    rows = type(import_)._default_manager.filter(pk=import_.pk, status__in=expected)
    begun = bool(rows.update(status=step.mirror[JobState.WAITING], message=""))
    if begun:
        submit(step, import_, user=user)
    return begun


@transaction.atomic
def cancel(*, import_: Import, user: User) -> bool:
    """Cancel the check, the import or its undo; return False if none waits or runs."""
    kind = kind_of(import_)
    kind.refuse(user)
    is_cancelled = any(cancel_subject(step, import_) for step in kind.jobs)
    if is_cancelled:
        _record(import_, "cancelled", user)
    return is_cancelled


def _record(import_: Import, step: str, user: User, **after: str) -> None:
    base.audit.services.record(
        case=import_.case,
        action=f"{kind_of(import_).event}_{step}",
        actor=user,
        after={"import": import_.uid, **after},
    )

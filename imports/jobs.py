"""The jobs of imports: each kind is checked while a person waits, then imported."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

import audit.services
from imports.errors import ImportRefused
from imports.kinds import ImportKind
from imports.models import (
    AudioImport,
    BroadcastImport,
    CatalogueImport,
    ClaimsImport,
    Import,
    ImportStatus,
    ImportStep,
    MoveIn,
    ResultImport,
    RightsImport,
    StepState,
)
from imports.undoing.noting import noted
from jobs.choices import JobState, Pool, Priority
from jobs.context import JobContext
from jobs.errors import Failed
from jobs.kinds import Kind, register
from jobs.resources import OUTSIDE

_STAYS = _("What was imported stays.")
_CANCELLED = _("It was cancelled.")


def _end_check(one: Import, state: JobState, _code: str, _cause: str) -> None:
    if state is JobState.CANCELLED:
        kind_of(one).check.show(one.pk, state, str(_CANCELLED))


def _end_import(one: Import, state: JobState, code: str, cause: str) -> None:
    if code != "refused":
        reason = cause[:400] or _CANCELLED
        kind_of(one).carry_out.show(one.pk, state, f"{reason} {_STAYS}")


def _mirror(working: ImportStatus, done: ImportStatus) -> dict[JobState, str]:
    return {
        JobState.WAITING: working,
        JobState.RUNNING: working,
        JobState.DONE: done,
        JobState.FAILED: ImportStatus.REFUSED,
        JobState.CANCELLED: ImportStatus.REFUSED,
    }


def _check_kind(
    name: str,
    model: type[Import],
    belongs_to: str,
    label: str | Promise,
    **more: Any,
) -> Kind:  # Any: further columns of ``Kind``
    return register(
        Kind(
            f"{name}_check",
            model,
            "imports.jobs.check",
            label=label,
            related=(belongs_to,) if belongs_to else (),
            priority=Priority.PERSON,
            gives_way=True,
            mirror=_mirror(ImportStatus.CHECKING, ImportStatus.CHECKED),
            cause_field="message",
            on_end=_end_check,
            **more,
        )
    )


def _import_kind(
    name: str,
    model: type[Import],
    belongs_to: str,
    label: str | Promise,
    **more: Any,
) -> Kind:  # Any: as above
    return register(
        Kind(
            name,
            model,
            "imports.jobs.carry_out",
            label=label,
            related=(belongs_to,) if belongs_to else (),
            priority=Priority.DOCUMENT,
            gives_way=True,
            mirror=_mirror(ImportStatus.IMPORTING, ImportStatus.DONE),
            cause_field="message",
            on_end=_end_import,
            **more,
        )
    )


def _undo_kinds(
    name: str,
    model: type[Import],
    belongs_to: str,
    check_label: str | Promise,
    label: str | Promise,
) -> tuple[Kind, Kind]:
    """Return the kinds that check an undo, and that carry it out."""
    working = {
        "check": (ImportStatus.UNDO_CHECKING, ImportStatus.UNDO_CHECKED),
        "": (ImportStatus.UNDOING, ImportStatus.UNDONE),
    }
    stopped = {"check": ImportStatus.DONE, "": ImportStatus.UNDO_CHECKED}
    checks, undoes = (
        register(
            Kind(
                f"{name}_undo{step and f'_{step}'}",
                model,
                "imports.jobs.check_undo" if step else "imports.jobs.undo",
                label=text,
                related=(belongs_to,) if belongs_to else (),
                priority=Priority.PERSON if step else Priority.DOCUMENT,
                gives_way=True,
                mirror={
                    **_mirror(*working[step]),
                    JobState.FAILED: stopped[step],
                    JobState.CANCELLED: stopped[step],
                },
                cause_field="message",
            )
        )
        for step, text in (("check", check_label), ("", label))
    )
    return checks, undoes


RECORDINGS = ImportKind(
    CatalogueImport,
    _check_kind(
        "catalogue_import",
        CatalogueImport,
        "bucket",
        _("Check of a table of recordings"),
    ),
    _import_kind(
        "catalogue_import", CatalogueImport, "bucket", _("Import of recordings")
    ),
    *_undo_kinds(
        "catalogue_import",
        CatalogueImport,
        "bucket",
        _("Check of an undo of recordings"),
        _("Undo of an import of recordings"),
    ),
    work="imports.recordings.work.run",
    event="bucket.import",
    file_label="table",
)
RESULTS = ImportKind(
    ResultImport,
    _check_kind(
        "result_import", ResultImport, "container", _("Check of a file of results")
    ),
    _import_kind("result_import", ResultImport, "container", _("Import of results")),
    *_undo_kinds(
        "result_import",
        ResultImport,
        "container",
        _("Check of an undo of results"),
        _("Undo of an import of results"),
    ),
    work="imports.results.importer.run",
    event="results.import",
    file_label="file",
)


RIGHTS = ImportKind(
    RightsImport,
    _check_kind("rights_import", RightsImport, "", _("Check of a file of rights")),
    _import_kind("rights_import", RightsImport, "", _("Import of rights")),
    *_undo_kinds(
        "rights_import",
        RightsImport,
        "",
        _("Check of an undo of rights"),
        _("Undo of an import of rights"),
    ),
    work="imports.rights.importer.run",
    event="rights.import",
    file_label="file",
)
BROADCASTS = ImportKind(
    BroadcastImport,
    _check_kind(
        "broadcast_import", BroadcastImport, "", _("Check of a table of broadcasts")
    ),
    _import_kind("broadcast_import", BroadcastImport, "", _("Import of broadcasts")),
    *_undo_kinds(
        "broadcast_import",
        BroadcastImport,
        "",
        _("Check of an undo of broadcasts"),
        _("Undo of an import of broadcasts"),
    ),
    work="imports.broadcasts.importer.run",
    event="broadcasts.import",
    file_label="file",
)
AUDIO = ImportKind(
    AudioImport,
    _check_kind("audio_import", AudioImport, "bucket", _("Check of audio files")),
    _import_kind(
        "audio_import", AudioImport, "bucket", _("Audio for waiting recordings")
    ),
    *_undo_kinds(
        "audio_import",
        AudioImport,
        "bucket",
        _("Check of an undo of audio"),
        _("Undo of audio for waiting recordings"),
    ),
    work="imports.audio.importer.run",
    event="bucket.audio",
    file_label="file",
)
# Calls of an account wait most of the time, and moves of one account take turns.
_CALLS: dict[str, Any] = {  # Any: columns of ``Kind``
    "pool": Pool.TALK,
    "needs": frozenset({OUTSIDE}),
    "lane": lambda one: str(one.account_id),
    "lane_limit": lambda: 1,
}
MOVES = ImportKind(
    MoveIn,
    _check_kind("move_in", MoveIn, "account", _("Look at an account"), **_CALLS),
    _import_kind("move_in", MoveIn, "account", _("Move of an account"), **_CALLS),
    *_undo_kinds(
        "move_in",
        MoveIn,
        "account",
        _("Check of an undo of a move"),
        _("Undo of a move of an account"),
    ),
    work="imports.moving.walk.run",
    event="cloud_account.move",
    file_label="account",
)
CLAIMS = ImportKind(
    ClaimsImport,
    _check_kind("claims_import", ClaimsImport, "", _("Check of a platform's report")),
    _import_kind("claims_import", ClaimsImport, "", _("Import of a platform's report")),
    *_undo_kinds(
        "claims_import",
        ClaimsImport,
        "",
        _("Check of an undo of a platform's report"),
        _("Undo of an import of a platform's report"),
    ),
    work="imports.platforms.importer.run",
    event="claims.import",
    file_label="file",
)
_KINDS = {
    kind.model: kind
    for kind in (RECORDINGS, RESULTS, RIGHTS, BROADCASTS, AUDIO, MOVES, CLAIMS)
}


def kind_of(one: Import) -> ImportKind:
    """Return the kind of an import."""
    return _KINDS[type(one)]


def check(context: JobContext) -> None:
    """Check the file; nothing is imported."""
    _run(context, dry=True)


def carry_out(context: JobContext) -> None:
    """Import the good entries."""
    _run(context, dry=False)


def check_undo(context: JobContext) -> None:
    """Say what an undo would take back, and what would stay."""
    _run_undo(context, dry=True)


def undo(context: JobContext) -> None:
    """Take back what was imported, as far as it can be."""
    _run_undo(context, dry=False)


def _run_undo(context: JobContext, *, dry: bool) -> None:
    # It knows every kind of record.
    from imports.undoing.walk import undo_import

    one, user = context.subject, context.job.requested_by
    if user is None:
        raise Failed(
            "refused", str(_("The account of the person who asked was deleted."))
        )
    found = undo_import(one.uid, user=user, dry=dry, heartbeat=context.report)
    with transaction.atomic():
        context.finish(
            summary=one.summary | {"undo": {**asdict(found), "is_done": not dry}}
        )
        if not dry:
            audit.services.record(
                case=one.case,
                action=f"{kind_of(one).event}_undone",
                actor=user,
                after={"import": one.uid, **_counts(one.uid)},
            )


def _counts(uid: str) -> dict[str, int]:
    """Return how many steps were undone and kept, by earlier attempts too."""
    steps = ImportStep.objects.filter(import_uid=uid)
    return {
        state.value: steps.filter(state=state).count()
        for state in (StepState.UNDONE, StepState.KEPT)
    }


def _run(context: JobContext, *, dry: bool) -> None:
    one = context.subject
    work = kind_of(one).load_work()
    try:
        with noted("" if dry else one.uid):
            outcome = work(one, context.report, dry=dry)
    except ImportRefused as error:
        raise Failed("refused", str(error)) from error
    context.finish(**outcome)

"""The jobs of imports: each kind is checked while a person waits, then imported."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from imports.errors import ImportRefused
from imports.kinds import ImportKind
from imports.models import (
    BroadcastImport,
    CatalogueImport,
    Import,
    ImportStatus,
    ResultImport,
    RightsImport,
)
from jobs.choices import JobState, Priority
from jobs.context import JobContext
from jobs.errors import Failed
from jobs.kinds import Kind, register

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
    name: str, model: type[Import], belongs_to: str, label: str | Promise
) -> Kind:
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
        )
    )


def _import_kind(
    name: str, model: type[Import], belongs_to: str, label: str | Promise
) -> Kind:
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
        )
    )


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
    work="imports.results.importer.run",
    event="results.import",
    file_label="file",
)


RIGHTS = ImportKind(
    RightsImport,
    _check_kind("rights_import", RightsImport, "", _("Check of a file of rights")),
    _import_kind("rights_import", RightsImport, "", _("Import of rights")),
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
    work="imports.broadcasts.importer.run",
    event="broadcasts.import",
    file_label="file",
)
_KINDS = {kind.model: kind for kind in (RECORDINGS, RESULTS, RIGHTS, BROADCASTS)}


def kind_of(one: Import) -> ImportKind:
    """Return the kind of an import."""
    return _KINDS[type(one)]


def check(context: JobContext) -> None:
    """Check the file; nothing is imported."""
    _run(context, dry=True)


def carry_out(context: JobContext) -> None:
    """Import the good entries."""
    _run(context, dry=False)


def _run(context: JobContext, *, dry: bool) -> None:
    one = context.subject
    work = kind_of(one).load_work()
    try:
        outcome = work(one, context.report, dry=dry)
    except ImportRefused as error:
        raise Failed("refused", str(error)) from error
    context.finish(**outcome)

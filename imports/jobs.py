"""The jobs of imports: each kind is checked while a person waits, then imported."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from imports.kinds import ImportKind
from imports.models import CatalogueImport, Import, ImportStatus, ResultImport
from jobs.choices import JobState, Priority
from jobs.kinds import Kind, register

_STAYS = "What was imported stays."
_CANCELLED = "It was cancelled."


def _end_check(one: Import, state: JobState, _code: str, _cause: str) -> None:
    if state is JobState.CANCELLED:
        kind_of(one).check.show(one.pk, state, _CANCELLED)


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


def _check(
    name: str, model: type[Import], belongs_to: str, label: str | Promise
) -> Kind:
    return register(
        Kind(
            f"{name}_check",
            model,
            "imports.work.check",
            label=label,
            related=(belongs_to,),
            priority=Priority.PERSON,
            gives_way=True,
            mirror=_mirror(ImportStatus.CHECKING, ImportStatus.CHECKED),
            cause_field="message",
            on_end=_end_check,
        )
    )


def _import(
    name: str, model: type[Import], belongs_to: str, label: str | Promise
) -> Kind:
    return register(
        Kind(
            name,
            model,
            "imports.work.carry_out",
            label=label,
            related=(belongs_to,),
            priority=Priority.DOCUMENT,
            gives_way=True,
            mirror=_mirror(ImportStatus.IMPORTING, ImportStatus.DONE),
            cause_field="message",
            on_end=_end_import,
        )
    )


RECORDINGS = ImportKind(
    CatalogueImport,
    _check(
        "catalogue_import",
        CatalogueImport,
        "bucket",
        _("Check of a table of recordings"),
    ),
    _import("catalogue_import", CatalogueImport, "bucket", _("Import of recordings")),
    work="imports.recordings.work.run",
    event="bucket.import",
    file_label="table",
)
RESULTS = ImportKind(
    ResultImport,
    _check("result_import", ResultImport, "container", _("Check of a file of results")),
    _import("result_import", ResultImport, "container", _("Import of results")),
    work="imports.results.work.run",
    event="results.import",
    file_label="file",
)


def kind_of(one: Import) -> ImportKind:
    """Return the kind of an import."""
    return RECORDINGS if isinstance(one, CatalogueImport) else RESULTS

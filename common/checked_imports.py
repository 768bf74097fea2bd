"""Files that people bring: checked first, imported when somebody says so.

The row is the truth. What is done already counts as unchanged, so an import that was
cut off is gone on with by doing it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import QuerySet

from common.leases import NO_LEASE, Leased, claim, free, give_up, tried_again
from common.queue import queue_holds_work, worker_name

GIVEN_UP = "It was interrupted too often. What was imported stays."


class ImportStatus(models.TextChoices):
    """How far an import is."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked; nothing is written yet"
    IMPORTING = "importing", "Being imported"
    DONE = "done", "Imported"
    REFUSED = "refused", "Cannot be read"


OPEN_STATUSES = (ImportStatus.CHECKING, ImportStatus.IMPORTING)


class CheckedImport(Leased):
    """What checking a file said, and what came of it, in ``summary``."""

    status = models.CharField(
        max_length=16, choices=ImportStatus.choices, default=ImportStatus.CHECKING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    summary = models.JSONField(default=dict, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ["-id"]


Row = TypeVar("Row", bound=CheckedImport)


def start(one: CheckedImport) -> bool:
    """Have what was checked imported; tell whether it was waiting for that."""
    return _moved(one, ImportStatus.CHECKED, ImportStatus.IMPORTING)


def start_again(one: CheckedImport) -> ImportStatus | None:
    """Go on with what was given up or refused; return with which step, if it was.

    What was checked before is imported, anything else is checked first.
    """
    step = ImportStatus.IMPORTING if one.summary else ImportStatus.CHECKING
    moved = _moved(one, ImportStatus.REFUSED, step, message="", attempts=0)
    return step if moved else None


def _moved(
    one: CheckedImport, before: ImportStatus, after: ImportStatus, **columns: object
) -> bool:
    rows = type(one)._default_manager.filter(pk=one.pk, status=before)
    return bool(rows.update(status=after, updated_at=datetime.now(tz=UTC), **columns))


def left_behind(rows: QuerySet[Row]) -> list[Row]:
    """Return open imports whose worker fell silent or whose queue entry was lost.

    One that was interrupted too often is refused instead, with that as the reason.
    """
    now = datetime.now(tz=UTC)
    open_ones = rows.filter(status__in=OPEN_STATUSES)
    silent = open_ones.filter(lease_until__lt=now)
    exhausted = silent.filter(attempts__gte=settings.ACRPORTAL_MAX_ATTEMPTS)
    give_up(exhausted, GIVEN_UP, status=ImportStatus.REFUSED)
    stale = list(silent)
    if not queue_holds_work():
        lost_before = now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)
        stale += open_ones.filter(lease_until__isnull=True, updated_at__lt=lost_before)
    return stale


def carry_out(
    rows: QuerySet[Row],
    import_id: int,
    *,
    dry: bool,
    kind: str,
    refusals: tuple[type[Exception], ...],
    work: Callable[[Row, QuerySet[Row], bool], dict[str, Any]],  # Any: JSON
) -> None:
    """Check an import, or import it, and keep the summary that ``work`` returns.

    ``work`` gets the import, its row while it is ours, and whether nothing is to be
    written. What it raises of ``refusals`` says why the file cannot be used.
    """
    wanted = ImportStatus.CHECKING if dry else ImportStatus.IMPORTING
    waiting = rows.filter(free(datetime.now(tz=UTC)), pk=import_id, status=wanted)
    # A check is waited for, and so not held up.
    if not claim(waiting, kind="" if dry else kind, owner=worker_name()):
        return
    mine = rows.filter(pk=import_id, status=wanted, lease_owner=worker_name())
    outcome: dict[str, object]
    try:
        with tried_again(mine, expected=refusals):
            summary = work(rows.get(pk=import_id), mine, dry)
    except refusals as error:
        outcome = {"status": ImportStatus.REFUSED, "message": str(error)[:500]}
    else:
        status = ImportStatus.CHECKED if dry else ImportStatus.DONE
        outcome = {"status": status, "message": "", "summary": summary}
    now = datetime.now(tz=UTC)
    mine.update(updated_at=now, attempts=0, **outcome, **NO_LEASE)

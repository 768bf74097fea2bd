"""Imports in two steps: a check, then the import after a person confirms it.

The row is the truth. Repeating an import is safe, because rows imported before count as
unchanged; an interrupted import continues that way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import QuerySet

from common.leases import NO_LEASE, claim, free, give_up, tried_again
from common.queue import queue_holds_work, worker_name
from imports.models import OPEN_STATUSES, Import, ImportStatus

GIVEN_UP = "It was interrupted too often. What was imported stays."


Row = TypeVar("Row", bound=Import)


def start(one: Import) -> bool:
    """Start a checked import; tell whether it was waiting for that."""
    return _moved(one, ImportStatus.CHECKED, ImportStatus.IMPORTING)


def start_again(one: Import) -> ImportStatus | None:
    """Restart a refused import; return the step it restarts with, or None.

    A checked file is imported, any other is checked first.
    """
    step = ImportStatus.IMPORTING if one.summary else ImportStatus.CHECKING
    moved = _moved(one, ImportStatus.REFUSED, step, message="", attempts=0)
    return step if moved else None


def _moved(
    one: Import, before: ImportStatus, after: ImportStatus, **columns: object
) -> bool:
    rows = type(one)._default_manager.filter(pk=one.pk, status=before)
    return bool(rows.update(status=after, updated_at=datetime.now(tz=UTC), **columns))


def left_behind(rows: QuerySet[Row]) -> list[Row]:
    """Return open imports whose worker or queue message was lost.

    Imports out of attempts are refused instead.
    """
    now = datetime.now(tz=UTC)
    unfinished = rows.filter(status__in=OPEN_STATUSES)
    silent = unfinished.filter(lease_until__lt=now)
    exhausted = silent.filter(attempts__gte=settings.ACRPORTAL_MAX_ATTEMPTS)
    give_up(exhausted, GIVEN_UP, status=ImportStatus.REFUSED)
    stale = list(silent)
    # An import that waits long may only be far back in the queue. Without waiting
    # messages, its own must be lost.
    if not queue_holds_work():
        lost_before = now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)
        stale += unfinished.filter(lease_until__isnull=True, updated_at__lt=lost_before)
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
    """Check an import (``dry``) or run it, and store the summary that ``work`` returns.

    ``work`` receives the import, its row while this worker holds it, and ``dry``. An
    exception of ``refusals`` means that the file is unusable, and holds the reason.
    """
    wanted = ImportStatus.CHECKING if dry else ImportStatus.IMPORTING
    waiting = rows.filter(free(datetime.now(tz=UTC)), pk=import_id, status=wanted)
    # A person waits for a check, so limits on concurrent jobs do not apply to it.
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

"""Leases on long work: who runs it, and until when nobody else may take it.

The queue only carries an id and can lose or repeat it; the row with its lease is
the truth. A worker extends the lease while it runs; when it was killed, the lease
ends and the sweeper hands the work out again. What failed unforeseen is handed out
again the same way: its lease, which is nobody's then, ends a while later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection, models, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat, Left, Trim

from recognition.errors import IndexUnavailable

_KEEP_SECONDS = 2.0
# After a first failure; doubled after each further one.
_PAUSE_SECONDS = 30
_CAUSE_CHARACTERS = 500


class Leased(models.Model):
    """Columns of a row that one worker at a time may work on."""

    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


NO_LEASE: dict[str, object] = {"lease_owner": "", "lease_until": None}


def lease_end() -> datetime:
    """Return the moment until which a lease taken or renewed now holds."""
    return datetime.now(tz=UTC) + timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)


def free(now: datetime) -> Q:
    """Return the condition that no worker has a row."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def claim(
    waiting: QuerySet[Any], *, kind: str, owner: str, **columns: object
) -> bool:  # Any: rows of any leased model
    """Take a row that waits; False where it is taken, or too many of its kind run.

    ``kind`` is the name that ``ACRPORTAL_JOBS_AT_ONCE`` limits it by.
    """
    taken = columns | {
        "lease_owner": owner,
        "lease_until": lease_end(),
        "attempts": F("attempts") + 1,
    }
    if kind not in settings.ACRPORTAL_JOBS_AT_ONCE:
        return bool(waiting.update(**taken))
    with one_at_a_time(kind):
        return has_room(waiting.model, kind) and bool(waiting.update(**taken))


def has_room(model: type[models.Model], kind: str) -> bool:
    """Tell whether one more of a kind may run now."""
    limit = settings.ACRPORTAL_JOBS_AT_ONCE.get(kind)
    running = model._base_manager.filter(lease_until__gt=datetime.now(tz=UTC))
    return limit is None or running.exclude(lease_owner="").count() < limit


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Let no other process count and take at the same moment."""
    with transaction.atomic():
        # SQLite begins with the write lock, and so needs none of its own.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"claim:{what}"]
                )
        yield


def pause_after(tries: int) -> timedelta:
    """Return how long to wait before work that failed is tried again."""
    return timedelta(seconds=_PAUSE_SECONDS * 2 ** min(tries - 1, 6))


def failed_try(tries: int, error: Exception) -> str:
    """Return what is told of a try that failed."""
    told = f"{type(error).__name__}: {error}".replace("\0", "")[:300]
    return f"Try {tries} failed ({told})."


@contextmanager
def tried_again(
    mine: QuerySet[Any],  # Any: rows of any leased model
    *,
    cause: str = "message",
    expected: tuple[type[Exception], ...] = (),
    **columns: object,
) -> Iterator[None]:
    """Keep why unforeseen trouble stopped a row's work, and let it be tried later.

    ``mine`` is the row while it is ours, ``cause`` its column for the reason; what is
    ``expected`` is somebody else's to answer.
    """
    try:
        yield
    except expected:
        raise
    except Exception as error:
        tries = mine.values_list("attempts", flat=True).first() or 1
        if isinstance(error, IndexUnavailable):
            # Not the fault of this row: it waits for as long as the index is away.
            columns |= {"attempts": F("attempts") - 1}
        mine.update(
            lease_owner="",
            lease_until=datetime.now(tz=UTC) + pause_after(tries),
            **columns | {cause: failed_try(tries, error)},
        )
        raise


def give_up(
    exhausted: QuerySet[Any],  # Any: rows of any leased model
    why: str,
    *,
    cause: str = "message",
    **columns: object,
) -> None:
    """End work that was tried too often; what its last try said stays behind ``why``."""
    told = Left(Concat(Value(f"{why} "), cause), _CAUSE_CHARACTERS)
    exhausted.update(**columns | NO_LEASE | {cause: Trim(told)})


@contextmanager
def kept(mine: QuerySet[Any]) -> Iterator[None]:
    """Renew the lease of a row meanwhile. Any: rows of any leased model."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(_KEEP_SECONDS):
                try:
                    mine.all().update(lease_until=lease_end())
                except Error:
                    continue  # a database that is busy or away now is asked again
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()

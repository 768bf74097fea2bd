"""Leases on long work: which worker runs it, and until when.

The queue carries only an id, and can lose or repeat it; the row with its lease is the
truth. A worker renews its lease while it runs. If the worker dies, the lease expires
and the sweeper queues the work again. Unexpected failures are retried the same way: the
row keeps a lease without an owner, whose end is the earliest retry.
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
# Pause after the first failure; it doubles with each further one.
_PAUSE_SECONDS = 30
_CAUSE_CHARACTERS = 500


class LeaseLost(Exception):
    """Another worker has the work now, or it has ended meanwhile."""


class Leased(models.Model):
    """Columns of a row that one worker at a time may process."""

    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


NO_LEASE: dict[str, object] = {"lease_owner": "", "lease_until": None}


def lease_end() -> datetime:
    """Return the end of a lease taken or renewed now."""
    return datetime.now(tz=UTC) + timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)


def free(now: datetime) -> Q:
    """Return the condition that no worker holds the row."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def claim(
    waiting: QuerySet[Any], *, kind: str, owner: str, **columns: object
) -> bool:  # Any: rows of any leased model
    """Claim a waiting row; return False if it is taken or too many of its kind run.

    ``kind`` is the name under which ``ACRPORTAL_JOBS_AT_ONCE`` limits it.
    """
    claimed = columns | {
        "lease_owner": owner,
        "lease_until": lease_end(),
        "attempts": F("attempts") + 1,
    }
    if kind not in settings.ACRPORTAL_JOBS_AT_ONCE:
        return bool(waiting.update(**claimed))
    with one_at_a_time(kind):
        return has_room(waiting.model, kind) and bool(waiting.update(**claimed))


def has_room(model: type[models.Model], kind: str) -> bool:
    """Tell whether another job of this kind may run now."""
    limit = settings.ACRPORTAL_JOBS_AT_ONCE.get(kind)
    running = model._base_manager.filter(lease_until__gt=datetime.now(tz=UTC))
    return limit is None or running.exclude(lease_owner="").count() < limit


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Keep other processes from counting and claiming at the same time."""
    with transaction.atomic():
        # SQLite transactions begin with the write lock, so they need no other lock.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"claim:{what}"]
                )
        yield


def pause_after(tries: int) -> timedelta:
    """Return the pause before failed work is retried."""
    return timedelta(seconds=_PAUSE_SECONDS * 2 ** min(tries - 1, 6))


def describe(error: Exception) -> str:
    """Return an error's type and text as a database stores them: short, without NUL."""
    return f"{type(error).__name__}: {error}".replace("\0", "")[:300]


def failed_try(tries: int, error: Exception) -> str:
    """Return the description of a failed attempt."""
    return f"Attempt {tries} failed ({describe(error)})."


@contextmanager
def tried_again(
    mine: QuerySet[Any],  # Any: rows of any leased model
    *,
    cause: str = "message",
    expected: tuple[type[Exception], ...] = (),
    **columns: object,
) -> Iterator[None]:
    """Record an unexpected failure of a row's work, and let it be retried later.

    ``mine`` is the row while this worker holds it, ``cause`` its column for the
    message. The caller handles ``expected`` exceptions.
    """
    try:
        yield
    except expected:
        raise
    except Exception as error:
        tries = mine.values_list("attempts", flat=True).first() or 1
        if isinstance(error, IndexUnavailable):
            # Not this row's fault: it waits until the index is back, without losing
            # attempts.
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
    """End work that is out of attempts; keep its last failure after ``why``."""
    message = Left(Concat(Value(f"{why} "), cause), _CAUSE_CHARACTERS)
    exhausted.update(**columns | NO_LEASE | {cause: Trim(message)})


@contextmanager
def kept(mine: QuerySet[Any]) -> Iterator[None]:
    """Renew the lease of a row in the background.

    Any: rows of any leased model.
    """
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(_KEEP_SECONDS):
                try:
                    mine.all().update(lease_until=lease_end())
                except Error:
                    continue  # the database is busy or unreachable: try again
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()

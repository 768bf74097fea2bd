"""The log of the index: which recordings it holds, and the order of their changes.

A change is noted in the transaction that makes it. It is counted afterwards, under a
lock of its own, when all can see it: so positions grow in the order of commits, and
what has been counted up to a position never gets a lower one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from base.common.batches import batched
from base.common.uid import new_uid
from catalogue.models import CatalogueState, IndexCopy, IndexEntry, Recording, RecordingStatus

_READY = RecordingStatus.READY
_OPEN = (RecordingStatus.WAITING, RecordingStatus.PROCESSING)
# What an open recording had before, or came with, can be searched.
_SEARCHED = Q(status=_READY) | Q(status__in=_OPEN) & ~Q(fingerprint="")
_AT_ONCE = 500
# Beyond every position.
_NO_POSITION = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One entry as it was read; ``position`` is None while it is not counted."""

    recording: int
    bucket: int
    is_held: bool
    position: int | None


@dataclass(frozen=True, slots=True)
class LogState:
    """How far the log has been counted, in which catalogue."""

    catalogue: str
    position: int


def note_change(recordings: Iterable[int]) -> None:
    """Have every copy of the index follow these recordings, as their rows are now.

    Call it in the transaction of the change, after it.
    """
    keys = sorted(set(recordings))
    with transaction.atomic():
        for some in batched(keys, _AT_ONCE):
            _note(some)


def _note(keys: Sequence[int]) -> None:
    # Lock the rows so that concurrent changes of one recording see each other.
    rows = Recording._base_manager.select_for_update().filter(pk__in=keys)
    columns = ("pk", "bucket_id", "status", "fingerprint")
    places: dict[int, int] = {}
    searched = set()
    for recording, bucket, status, fingerprint in rows.order_by("pk").values_list(*columns):
        places[recording] = bucket
        if status == _READY or (status in _OPEN and fingerprint):
            searched.add(recording)
    buckets_of: dict[int, set[int]] = defaultdict(set)
    entries = IndexEntry.objects.filter(recording__in=keys)
    for recording, bucket in entries.values_list("recording_id", "bucket_id"):
        buckets_of[recording].add(bucket)
    changed = [
        IndexEntry(
            recording_id=recording,
            bucket_id=bucket,
            is_held=recording in searched and bucket == place,
        )
        for recording, place in places.items()
        for bucket in buckets_of[recording] | ({place} if recording in searched else set())
    ]
    IndexEntry.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["recording", "bucket"],
        update_fields=["is_held", "position"],
    )


def count_changes() -> LogState:
    """Count the changes that have been committed; return how far the log goes.

    Inside a transaction nothing is counted, because it may be rolled back.
    """
    uncounted = IndexEntry.objects.filter(position=None)
    if not connection.in_atomic_block and uncounted.exists():
        with transaction.atomic():
            state = CatalogueState.objects.select_for_update().get()
            # Whoever changes an entry just now will have it counted again.
            free = uncounted.select_for_update(skip_locked=True).order_by("pk")
            entries = list(free.only("pk"))
            for number, entry in enumerate(entries, start=state.position + 1):
                entry.position = number
            IndexEntry.objects.bulk_update(entries, ["position"], batch_size=_AT_ONCE)
            state.position += len(entries)
            state.save(update_fields=["position"])
    return read_state()


def read_state() -> LogState:
    """Return how far the log has been counted."""
    uid, position = CatalogueState.objects.values_list("uid", "position").get()
    return LogState(uid, position)


def changes_after(position: int) -> list[LoggedChange]:
    """Return the changes after a position, in order; uncounted changes come last.

    Whoever has followed the log to ``position`` and then all these has followed it to
    the last position among them, and to every position counted before the call.
    """
    rows = IndexEntry.objects.filter(Q(position__gt=position) | Q(position=None))
    ordered = rows.order_by(F("position").asc(nulls_last=True), "pk")
    columns = ordered.values_list("recording_id", "bucket_id", "is_held", "position")
    return [LoggedChange(*row) for row in columns]


def taken_up_after(position: int, bucket: int) -> set[int]:
    """Return the recordings of a bucket that the index took up, or again, since then."""
    later = Q(position__gt=position) | Q(position=None)
    entries = IndexEntry.objects.filter(later, bucket=bucket, is_held=True)
    return set(entries.values_list("recording_id", flat=True))


def uncounted_here(bucket: int) -> set[int]:
    """Return recordings whose changes cannot be counted, as this transaction goes on.

    A search in a transaction has followed them without a position.
    """
    return taken_up_after(_NO_POSITION, bucket) if connection.in_atomic_block else set()


def left_after(position: int, recordings: Iterable[int]) -> bool:
    """Return whether the index has given up one of these recordings since then.

    The entries of a bucket go with it.
    """
    keys = set(recordings)
    entries = IndexEntry.objects.filter(recording__in=keys)
    logged = set(entries.values_list("recording_id", flat=True))
    later = Q(position__gt=position) | Q(position=None)
    return keys != logged or entries.filter(later, is_held=False).exists()


def is_replaced(change: LoggedChange) -> bool:
    """Return whether a later change of the recording replaced this one."""
    same = IndexEntry.objects.filter(
        recording=change.recording, bucket=change.bucket, is_held=change.is_held
    )
    if change.position is not None:
        same = same.filter(position=change.position)
    return not same.exists()


def held_in(bucket: int) -> set[int]:
    """Return the recordings that the index holds of a bucket, by the log."""
    entries = IndexEntry.objects.filter(bucket=bucket, is_held=True)
    return set(entries.values_list("recording_id", flat=True))


def unnoted() -> QuerySet[Recording]:
    """Return the recordings whose entries disagree with their rows."""
    held = IndexEntry.objects.filter(recording=OuterRef("pk"), is_held=True)
    here = Exists(held.filter(bucket=OuterRef("bucket")))
    elsewhere = Exists(held.exclude(bucket=OuterRef("bucket")))
    living = Q(bucket__deleted_at__isnull=True)
    return Recording._base_manager.filter(
        Q(status=_READY) & living & ~here | ~_SEARCHED & here | elsewhere
    )


def begin_anew() -> None:
    """Let every copy of the index be built again, after a restore of the rows.

    A backup holds the positions of changes, but not how far the log was counted.
    """
    last = IndexEntry.objects.aggregate(last=Max("position"))["last"] or 0
    CatalogueState.objects.update(uid=new_uid("c"), position=last)
    IndexCopy.objects.all().delete()

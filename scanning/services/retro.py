"""Asking for recordings to be looked for in everything that was scanned before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum

import audit.services
from accounts.models import User
from accounts.roles import Action
from catalogue.models import Recording, RecordingStatus
from common.leases import NO_LEASE, give_up
from common.queue import queue_holds_work
from scanning import selectors
from scanning.choices import RetroStatus
from scanning.errors import IntakeRefused
from scanning.models import RetroSearch
from scanning.tasks import run_retro_search

TOGETHER = 200
"""Recordings in one search at most: about 100 MB of memory for songs."""
SECONDS_PER_HOUR = 0.5
"""What an hour of kept sound takes at most, see ``benchmarks.retro``; until a search
of this installation has shown what it takes here."""
COLLECT_FOR = timedelta(minutes=15)
_OPEN = (RetroStatus.QUEUED, RetroStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a search would look at, and for how long; it sends nothing anywhere."""

    recordings: int
    files: int
    sound_ms: int
    seconds: int

    @property
    def minutes(self) -> int:
        """Return the time in whole minutes, one at least."""
        return max(1, round(self.seconds / 60))


def estimate(*, recordings: Sequence[Recording]) -> Estimate:
    """Return what looking for the recordings in everything kept would take."""
    ready = _searchable(recordings)
    told = selectors.files_with_landmarks({one.bucket_id for one in ready}).aggregate(
        files=Count("pk"), sound=Sum("duration_ms")
    )
    sound_ms = told["sound"] or 0
    passes = -(-len(ready) // TOGETHER)
    seconds = passes * _seconds_per_hour() * sound_ms / 3_600_000
    return Estimate(len(ready), told["files"], sound_ms, round(seconds))


def _seconds_per_hour() -> float:
    """Return what an hour of sound took in the latest search worth the name."""
    last = RetroSearch.objects.filter(
        status=RetroStatus.DONE, sound_ms__gt=600_000
    ).first()
    if last is None:
        return SECONDS_PER_HOUR
    return 3600 * last.busy_ms / last.sound_ms


def request_search(*, recordings: Sequence[Recording], user: User) -> list[RetroSearch]:
    """Queue a search for the recordings, several where they are very many.

    Raises ``IntakeRefused`` where none can be searched for, where no container
    searches their buckets, and while one of them is being looked for already.
    """
    if not user.has_perm(Action.APPROVE):
        raise IntakeRefused(
            "forbidden",
            "Only a manager may have everything searched again.",
            status=403,
        )
    ready = _searchable(recordings)
    if not ready:
        raise IntakeRefused(
            "not_searchable", "None of these recordings can be searched for (yet)."
        )
    told = estimate(recordings=ready)
    if not told.files:
        raise IntakeRefused(
            "nothing_scanned",
            "Nothing was scanned yet by a container that searches these recordings.",
        )
    with transaction.atomic():
        busy = RetroSearch.objects.filter(status__in=_OPEN, recordings__in=ready)
        if busy.exists():
            raise IntakeRefused(
                "retro_running",
                "A search for one of these recordings is under way; wait for it or "
                "cancel it.",
                status=409,
            )
        return [
            _queued(ready[first : first + TOGETHER], user)
            for first in range(0, len(ready), TOGETHER)
        ]


def _searchable(recordings: Sequence[Recording]) -> list[Recording]:
    return [one for one in recordings if one.status == RecordingStatus.READY]


def _queued(recordings: Sequence[Recording], user: User) -> RetroSearch:
    search = RetroSearch.objects.create(requested_by=user)
    search.recordings.set(recordings)
    _start(search)
    audit.services.record(
        case=search.case,
        action="retro_search.requested",
        actor=user,
        after={
            "recordings": [one.uid for one in recordings],
            "files": search.files_total,
        },
    )
    return search


def _start(search: RetroSearch) -> None:
    """Put a search on the queue, for the files that are there now."""
    buckets = set(search.recordings.values_list("bucket_id", flat=True))
    search.files_total = selectors.files_with_landmarks(buckets).count()
    search.created_at = datetime.now(tz=UTC)
    search.status = RetroStatus.QUEUED
    search.save(update_fields=["files_total", "created_at", "status"])
    transaction.on_commit(lambda: run_retro_search.enqueue(search.pk))


@transaction.atomic
def cancel_search(*, search: RetroSearch, user: User) -> None:
    """Stop a search: at once where it waits, at its next file where it runs.

    What it has found stays.
    """
    waiting = RetroSearch.objects.filter(pk=search.pk, status=RetroStatus.QUEUED)
    stopped = waiting.update(
        status=RetroStatus.CANCELLED,
        message="Cancelled.",
        finished_at=datetime.now(tz=UTC),
    )
    running = RetroSearch.objects.filter(pk=search.pk, status=RetroStatus.RUNNING)
    if stopped or running.update(cancel_requested=True):
        audit.services.record(
            case=search.case, action="retro_search.cancelled", actor=user
        )


@transaction.atomic
def resume_search(*, search: RetroSearch, user: User) -> None:
    """Go on with a search that was given up, from the file where it stopped.

    Raises ``IntakeRefused`` where it was not given up.
    """
    failed = RetroSearch.objects.filter(pk=search.pk, status=RetroStatus.FAILED)
    if not failed.update(
        status=RetroStatus.QUEUED, message="", attempts=0, finished_at=None
    ):
        raise IntakeRefused(
            "not_given_up", f"{search.uid} was not given up.", status=409
        )
    audit.services.record(case=search.case, action="retro_search.resumed", actor=user)
    transaction.on_commit(lambda: run_retro_search.enqueue(search.pk))


@transaction.atomic
def collect(*, recording: Recording, **_signal: object) -> None:
    """Keep a new recording for the next search, where its bucket asks for one."""
    if not recording.bucket.search_earlier:
        return
    last = (
        RetroSearch.objects.select_for_update()
        .filter(status=RetroStatus.COLLECTING)
        .order_by("-pk")
        .first()
    )
    search = last if last and last.recordings.count() < TOGETHER else None
    if search is None:
        search = RetroSearch.objects.create(status=RetroStatus.COLLECTING)
    search.recordings.add(recording)


def start_collected(**_signal: object) -> int:
    """Queue what was collected, once no recording is on its way; return how many.

    New recordings mostly come in many, and are looked for in one go.
    """
    started = 0
    with transaction.atomic():
        for search in RetroSearch.objects.select_for_update().filter(
            status=RetroStatus.COLLECTING
        ):
            full = search.recordings.count() >= TOGETHER
            waited = datetime.now(tz=UTC) - search.created_at
            if full or waited > COLLECT_FOR or not _more_to_come(search):
                _start(search)
                started += 1
    return started


def _more_to_come(search: RetroSearch) -> bool:
    on_their_way = Q(status__in=(RecordingStatus.WAITING, RecordingStatus.PROCESSING))
    return Recording.objects.filter(
        on_their_way, bucket__in=search.recordings.values("bucket")
    ).exists()


def requeue_stale_searches(**_signal: object) -> int:
    """Hand out again searches whose worker fell silent or whose queue entry was lost.

    One that made no step in several attempts ends, and says at which file.
    """
    now = datetime.now(tz=UTC)
    silent = RetroSearch.objects.filter(status=RetroStatus.RUNNING, lease_until__lt=now)
    give_up(
        silent.filter(attempts__gte=settings.ACRPORTAL_MAX_ATTEMPTS),
        "Stopped several times at the same file. What was found stays.",
        status=RetroStatus.FAILED,
        finished_at=now,
    )
    ids = list(silent.values_list("pk", flat=True))
    RetroSearch.objects.filter(pk__in=ids, status=RetroStatus.RUNNING).update(
        status=RetroStatus.QUEUED, **NO_LEASE
    )
    if not queue_holds_work():
        lost = RetroSearch.objects.filter(status=RetroStatus.QUEUED)
        ids += lost.exclude(pk__in=ids).values_list("pk", flat=True)
    for search_id in ids:
        run_retro_search.enqueue(search_id)
    return len(ids)

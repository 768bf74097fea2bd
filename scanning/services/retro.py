"""Requests retro searches: recordings looked for in all files scanned earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Sum
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_shared
from base.accounts.roles import Action
from base.jobs.services import cancel_subject, submit, try_subject_again
from catalogue.models import Recording, RecordingStatus
from scanning import selectors
from scanning.choices import RetroStatus
from scanning.errors import IntakeRefused
from scanning.jobs import RETRO_SEARCH
from scanning.models import RetroSearch

TOGETHER = 200
"""Recordings per search at most: their landmarks need about 100 MB for songs."""
SECONDS_PER_HOUR = 0.5
"""Seconds per hour of audio, measured by ``benchmarks.retro``; used until a search on
this installation has shown its own rate."""
# The longest time that a new recording waits for others to join its search.
COLLECT_FOR = timedelta(minutes=15)
_OPEN = (RetroStatus.QUEUED, RetroStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The extent and time of a search; computing it sends nothing anywhere."""

    recordings: int
    files: int
    sound_ms: int
    seconds: int

    @property
    def minutes(self) -> int:
        """Return the time in whole minutes, at least one."""
        return max(1, round(self.seconds / 60))


def estimate(*, recordings: Sequence[Recording]) -> Estimate:
    """Estimate a search for the recordings in all stored fingerprints."""
    ready = _searchable(recordings)
    files = selectors.files_with_landmarks({recording.bucket_id for recording in ready}).aggregate(
        count=Count("pk"), sound=Sum("length_ms")
    )
    sound_ms = files["sound"] or 0
    # Each further search reads all fingerprints again. This rounds the number up.
    passes = -(-len(ready) // TOGETHER)
    # The rate of the latest search of more than ten minutes of audio.
    last = RetroSearch.objects.filter(status=RetroStatus.DONE, sound_ms__gt=600_000).first()
    rate = SECONDS_PER_HOUR if last is None else 3600 * last.busy_ms / last.sound_ms
    seconds = passes * rate * sound_ms / 3_600_000
    return Estimate(len(ready), files["count"], sound_ms, round(seconds))


def request_search(*, recordings: Sequence[Recording], user: User) -> list[RetroSearch]:
    """Queue a search for the recordings, split into several if there are very many.

    Raise ``IntakeRefused`` if none can be searched for, if no container searches their
    buckets, or if an open search includes one of them.
    """
    if not user.has_perm(Action.APPROVE):
        raise IntakeRefused(
            "forbidden", _("Only a manager may search earlier files again."), status=403
        )
    ready = _searchable(recordings)
    if not ready:
        raise IntakeRefused(
            "not_searchable",
            _(
                "None of these recordings can be searched for. Wait until they are "
                "ready; those that hold too little sound are never found."
            ),
        )
    extent = estimate(recordings=ready)
    if not extent.files:
        raise IntakeRefused(
            "nothing_scanned",
            _("No container that searches these recordings has scanned a file yet."),
        )
    with transaction.atomic():
        # Two searches for one recording would only do the same work twice.
        busy = RetroSearch.objects.filter(status__in=_OPEN, recordings__in=ready)
        if busy.exists():
            raise IntakeRefused(
                "retro_running",
                _("A search for one of these recordings is running. Wait for it or cancel it."),
                status=409,
            )
        return [
            _queued(ready[first : first + TOGETHER], user)
            for first in range(0, len(ready), TOGETHER)
        ]


def _searchable(recordings: Sequence[Recording]) -> list[Recording]:
    ready = [item for item in recordings if item.status == RecordingStatus.READY]
    return [item for item in ready if not item.too_little_sound]


def _queued(recordings: Sequence[Recording], user: User) -> RetroSearch:
    search = RetroSearch.objects.create(requested_by=user)
    search.recordings.set(recordings)
    _start(search)
    base.audit.services.record(
        case=search.case,
        action="retro_search.requested",
        actor=user,
        after={
            "recordings": [recording.uid for recording in recordings],
            "files": search.files_total,
        },
    )
    return search


def _start(search: RetroSearch) -> None:
    """Queue a search over the files that exist now."""
    buckets = set(search.recordings.values_list("bucket_id", flat=True))
    search.files_total = selectors.files_with_landmarks(buckets).count()
    # Files up to this moment are searched; a collected search may have waited.
    search.created_at = datetime.now(tz=UTC)
    search.save(update_fields=["files_total", "created_at"])
    submit(RETRO_SEARCH, search, user=search.requested_by)


@transaction.atomic
def cancel_search(*, search: RetroSearch, user: User) -> None:
    """Cancel a search: at once if it waits, after the current file if it runs.

    Detections found so far stay. Raise ``PermissionDenied`` if the user may not see all
    of its recordings.
    """
    refuse_shared(search, user)
    if cancel_subject(RETRO_SEARCH, search):
        base.audit.services.record(case=search.case, action="retro_search.cancelled", actor=user)


@transaction.atomic
def resume_search(*, search: RetroSearch, user: User) -> None:
    """Resume a failed search from the file where it stopped.

    Raise ``IntakeRefused`` if it has not failed, and ``PermissionDenied`` if the user may
    not see all of its recordings.
    """
    refuse_shared(search, user)
    failed = RetroSearch.objects.filter(pk=search.pk, status=RetroStatus.FAILED)
    if not failed.update(finished_at=None):
        raise IntakeRefused(
            "not_given_up",
            _("%(uid)s has not failed. Reload to see its state.") % {"uid": search.uid},
            status=409,
        )
    try_subject_again(RETRO_SEARCH, search, user=user)
    base.audit.services.record(case=search.case, action="retro_search.resumed", actor=user)


def collect(*, recording: Recording, **_signal: object) -> None:
    """Add a new recording to the next search if its bucket asks for one."""
    if recording.bucket.search_earlier and _searchable([recording]):
        search_soon(recording=recording)


@transaction.atomic
def search_soon(*, recording: Recording) -> None:
    """Add a recording to the next search of earlier files."""
    last = (
        RetroSearch.objects.select_for_update()
        .filter(status=RetroStatus.COLLECTING)
        .order_by("-pk")
        .first()
    )
    # A full search waits for its start, and a new one collects the rest.
    search = last if last and last.recordings.count() < TOGETHER else None
    if search is None:
        search = RetroSearch.objects.create(status=RetroStatus.COLLECTING)
    # It may be there already, if its bucket asks for a search as well.
    search.recordings.add(recording)


def start_collected() -> int:
    """Queue the collected recordings once no more are being added; return the count.

    Recordings mostly arrive in large numbers, so they are searched for together.
    """
    started = 0
    with transaction.atomic():
        for search in RetroSearch.objects.select_for_update().filter(status=RetroStatus.COLLECTING):
            # Do not wait for ever: a steady stream of uploads never leaves a quiet
            # moment.
            full = search.recordings.count() >= TOGETHER
            waited = datetime.now(tz=UTC) - search.created_at
            more_to_come = Recording.objects.filter(
                status__in=(RecordingStatus.WAITING, RecordingStatus.PROCESSING),
                bucket__in=search.recordings.values("bucket"),
            )
            if full or waited > COLLECT_FOR or not more_to_come.exists():
                _start(search)
                started += 1
    return started

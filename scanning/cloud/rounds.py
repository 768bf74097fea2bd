"""Finds and claims the cloud jobs that are due; one worker takes each step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from common.leases import free, kept, lease_end
from scanning.choices import ACTIVE_SCAN_STATUSES
from scanning.models import CloudJob

PER_ROUND = 50
LONGEST_CHECK = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=1)


def due_jobs() -> QuerySet[CloudJob]:
    """Return the jobs whose next step is due."""
    now = datetime.now(tz=UTC)
    not_paused = Q(account__paused_until__isnull=True) | Q(
        account__paused_until__lte=now
    )
    return CloudJob.objects.filter(
        not_paused, free(now), due_at__lte=now, scan__status__in=ACTIVE_SCAN_STATUSES
    )


def claimed(due: QuerySet[CloudJob], owner: str) -> Iterator[CloudJob]:
    """Claim and yield due jobs; those whose account was paused meanwhile are skipped.

    Containers take turns, so large containers cannot starve small ones.
    """
    turns = due.annotate(
        turn=Window(
            RowNumber(),
            partition_by=F("scan__scanned_file__container"),
            order_by=[F("due_at"), F("pk")],
        )
    ).order_by("turn", "due_at", "pk")
    keys = list(turns.values_list("pk", flat=True)[:PER_ROUND])
    for key in keys:
        # An earlier job of this round may have paused the account.
        if not due.filter(pk=key).exists():
            continue
        now = datetime.now(tz=UTC)
        taken = CloudJob.objects.filter(free(now), pk=key, due_at__lte=now).update(
            lease_owner=owner, lease_until=lease_end(), attempts=F("attempts") + 1
        )
        if taken:
            with kept(CloudJob.objects.filter(pk=key, lease_owner=owner)):
                yield CloudJob.objects.select_related(
                    "account", "scan__scanned_file__container__cloud_account"
                ).get(pk=key)


def delay(times: int, longest: timedelta) -> timedelta:
    """Return ``times`` polling intervals, at most ``longest``."""
    base = settings.ACRPORTAL_CLOUD_POLL_SECONDS
    # The inner limit keeps timedelta from overflowing.
    return min(timedelta(seconds=base * min(times, 10_000)), longest)


def waited_too_long(since: datetime) -> bool:
    """Return whether the time limit for the cloud has passed."""
    limit = timedelta(hours=settings.ACRPORTAL_CLOUD_WAIT_HOURS)
    return datetime.now(tz=UTC) - since > limit

"""What is due in the clouds, and taking it: each step once, by any worker."""

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
    """Return the jobs whose next step may be done now."""
    now = datetime.now(tz=UTC)
    not_paused = Q(account__paused_until__isnull=True) | Q(
        account__paused_until__lte=now
    )
    return CloudJob.objects.filter(
        not_paused, free(now), due_at__lte=now, scan__status__in=ACTIVE_SCAN_STATUSES
    )


def claimed(due: QuerySet[CloudJob], owner: str) -> Iterator[CloudJob]:
    """Yield what is due, each taken by this worker; a pause meanwhile ends the round.

    Container by container, so that one with thousands lets another's few through.
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
    """Return so many times the usual wait, but no longer than that."""
    base = settings.ACRPORTAL_CLOUD_POLL_SECONDS
    return min(timedelta(seconds=base * min(times, 10_000)), longest)


def waited_too_long(since: datetime) -> bool:
    """Tell whether it is time to give up."""
    limit = timedelta(hours=settings.ACRPORTAL_CLOUD_WAIT_HOURS)
    return datetime.now(tz=UTC) - since > limit

"""Whose scan is next: people who wait, then container by container.

A scan gets a turn when it is asked for: the one after the last of its container, and
none that has passed. So one container's thousands stand between another's few only by
one each. The worker takes the scan that is next, whichever the queue's entry was for.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet

from accounts.models import User
from common.leases import claim, has_room, one_at_a_time
from scanning.choices import EngineChoice, ScanStage, ScanStatus
from scanning.models import Container, Scan

KIND = "scan"
# What one person brings beyond this is a bulk import, however it came.
WAITED_FOR_AT_ONCE = 20
_LOOK_AT = 20


def queued_scans() -> QuerySet[Scan]:
    """Return the scans that wait for a worker, the next one first."""
    return Scan.objects.filter(
        status=ScanStatus.QUEUED, engine=EngineChoice.EMBEDDED
    ).order_by("-waited_for", "turn", "pk")


def counts_as_waited_for(user: User | None) -> bool:
    """Tell whether one more scan that a person waits for goes before the bulk."""
    mine = queued_scans().filter(waited_for=True, requested_by=user)
    return mine.count() < WAITED_FOR_AT_ONCE


def turn_of_new(*, container: Container, waited_for: bool) -> int:
    """Return the turn of a scan that is asked for now."""
    told = (
        queued_scans()
        .filter(waited_for=waited_for)
        .order_by()
        .aggregate(
            now=Min("turn"),
            last=Max("turn", filter=Q(scanned_file__container=container)),
        )
    )
    if told["last"] is not None:
        return int(told["last"]) + 1
    return int(told["now"] or 0)


def due_scans() -> QuerySet[Scan]:
    """Return the queued scans whose container may have one more running."""
    limit = settings.ACRPORTAL_SCANS_PER_CONTAINER
    if not limit:
        return queued_scans()
    running = Scan.objects.filter(
        status=ScanStatus.RUNNING, engine=EngineChoice.EMBEDDED
    )
    full = (
        running.order_by()
        .values("scanned_file__container")
        .annotate(running=Count("pk"))
        .filter(running__gte=limit)
    )
    keys = list(full.values_list("scanned_file__container", flat=True))
    return queued_scans().exclude(scanned_file__container__in=keys)


def claim_next(*, owner: str, waited_for: bool = False) -> int | None:
    """Take the scan whose turn it is and return its key; None where none may run.

    ``waited_for`` takes only what a person waits for.
    """
    if settings.ACRPORTAL_SCANS_PER_CONTAINER:
        with one_at_a_time("scans of a container"):
            return _claim_next(owner, waited_for)
    return _claim_next(owner, waited_for)


def _claim_next(owner: str, waited_for: bool) -> int | None:
    due = due_scans().filter(waited_for=True) if waited_for else due_scans()
    # Another worker may take each of those that were read; then there are others.
    while has_room(Scan, KIND):
        keys = list(due.values_list("pk", flat=True)[:_LOOK_AT])
        if not keys:
            return None
        for key in keys:
            if claim_scan(scan_id=key, owner=owner):
                return key
    return None


def claim_scan(*, scan_id: int, owner: str) -> bool:
    """Take one queued scan, if it still waits."""
    return claim(
        Scan.objects.filter(pk=scan_id, status=ScanStatus.QUEUED),
        kind=KIND,
        owner=owner,
        status=ScanStatus.RUNNING,
        stage=ScanStage.QUEUED,
        started_at=datetime.now(tz=UTC),
    )


def may_go_on() -> bool:
    """Tell whether a scan waits that could run now."""
    return has_room(Scan, KIND) and due_scans().exists()

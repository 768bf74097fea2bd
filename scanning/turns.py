"""Chooses the next scan: first those people wait for, then containers in turn.

A new scan gets the turn after its container's last waiting scan, or the current turn
if none waits. Thus large containers cannot starve small ones. A worker takes the next
scan regardless of which scan its queue entry names.
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
# Beyond this many waiting scans, one person's uploads count as a bulk import.
WAITED_FOR_AT_ONCE = 20
_LOOK_AT = 20


def queued_scans() -> QuerySet[Scan]:
    """Return the scans that wait for a worker, next first."""
    return Scan.objects.filter(
        status=ScanStatus.QUEUED, engine=EngineChoice.EMBEDDED
    ).order_by("-waited_for", "turn", "pk")


def counts_as_waited_for(user: User | None) -> bool:
    """Tell whether another scan of this user still gets priority."""
    # Otherwise one person's bulk upload would overtake everybody else.
    mine = queued_scans().filter(waited_for=True, requested_by=user)
    return mine.count() < WAITED_FOR_AT_ONCE


def turn_of_new(*, container: Container, waited_for: bool) -> int:
    """Return the turn for a new scan of the container."""
    turns = (
        queued_scans()
        .filter(waited_for=waited_for)
        .order_by()
        .aggregate(
            now=Min("turn"),
            last=Max("turn", filter=Q(scanned_file__container=container)),
        )
    )
    if turns["last"] is not None:
        return int(turns["last"]) + 1
    return int(turns["now"] or 0)


def due_scans() -> QuerySet[Scan]:
    """Return the queued scans whose container is below its limit of running scans."""
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
    """Claim the next scan and return its key; None if no scan may run now.

    ``waited_for`` considers only scans that a person waits for.
    """
    # The limit is a count over rows, so only one worker may check it at a time.
    if settings.ACRPORTAL_SCANS_PER_CONTAINER:
        with one_at_a_time("scans of a container"):
            return _claim_next(owner, waited_for)
    return _claim_next(owner, waited_for)


def _claim_next(owner: str, waited_for: bool) -> int | None:
    due = due_scans().filter(waited_for=True) if waited_for else due_scans()
    # Other workers may claim all of these keys first; then read the next ones.
    while has_room(Scan, KIND):
        keys = list(due.values_list("pk", flat=True)[:_LOOK_AT])
        if not keys:
            return None
        for key in keys:
            if claim_scan(scan_id=key, owner=owner):
                return key
    return None


def claim_scan(*, scan_id: int, owner: str) -> bool:
    """Claim one scan if it is still queued."""
    return claim(
        Scan.objects.filter(pk=scan_id, status=ScanStatus.QUEUED),
        kind=KIND,
        owner=owner,
        status=ScanStatus.RUNNING,
        stage=ScanStage.QUEUED,
        started_at=datetime.now(tz=UTC),
    )


def may_go_on() -> bool:
    """Tell whether a queued scan could run now."""
    return has_room(Scan, KIND) and due_scans().exists()

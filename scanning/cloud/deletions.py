"""Deletes the cloud's copies of files that were deleted here."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import F

from common.leases import NO_LEASE, free, lease_end
from scanning.cloud.rounds import LONGEST_WAIT, PER_ROUND, delay, waited_too_long
from scanning.engines.acrcloud import Cloud
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.models import CloudDeletion


def delete_due(*, owner: str) -> int:
    """Delete the copies that are due; return how many are gone."""
    now = datetime.now(tz=UTC)
    due = CloudDeletion.objects.filter(free(now), due_at__lte=now)
    done = 0
    for key in list(due.order_by("due_at").values_list("pk", flat=True)[:PER_ROUND]):
        if due.filter(pk=key).update(
            lease_owner=owner, lease_until=lease_end(), attempts=F("attempts") + 1
        ):
            done += _delete(CloudDeletion.objects.select_related("account").get(pk=key))
    return done


def _delete(deletion: CloudDeletion) -> bool:
    now = datetime.now(tz=UTC)
    try:
        Cloud(deletion.account).delete_file(
            deletion.remote_container_id, deletion.remote_id
        )
    except CloudFault as fault:
        # Trying again cannot help these.
        over = fault.kind in (FaultKind.CONTAINER, FaultKind.REFUSED)
        wait = delay(4 ** min(deletion.attempts, 6), LONGEST_WAIT)
        over = over or waited_too_long(deletion.created_at)
        columns = {"said": str(fault)[:1000], "due_at": None if over else now + wait}
        CloudDeletion.objects.filter(pk=deletion.pk).update(**columns, **NO_LEASE)
        return False
    CloudDeletion.objects.filter(pk=deletion.pk).update(
        due_at=None, done_at=now, said="", **NO_LEASE
    )
    return True

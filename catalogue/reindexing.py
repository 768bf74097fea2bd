"""Changes of recordings that the index has to follow, kept until it did."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from catalogue.models import IndexChange
from catalogue.tasks import update_index
from common.leases import pause_after


def change_index(*, recording_id: int, left_bucket_id: int) -> None:
    """Have the index follow a recording; call it in the transaction of its change."""
    change = IndexChange.objects.create(
        recording_id=recording_id, left_bucket_id=left_bucket_id
    )
    transaction.on_commit(lambda: update_index.enqueue(change.pk))


def requeue_index_changes() -> int:
    """Ask once more for what a killed worker or a lost queue entry left undone."""
    now = datetime.now(tz=UTC)
    count = 0
    for change in IndexChange.objects.filter(due_at__lte=now)[:1000]:
        count += IndexChange.objects.filter(pk=change.pk, due_at=change.due_at).update(
            tries=min(change.tries + 1, 1000),
            due_at=now + pause_after(change.tries + 1),
        )
        update_index.enqueue(change.pk)
    return count

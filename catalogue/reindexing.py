"""Keeps the index in step with recordings that leave a bucket or the search."""

from __future__ import annotations

from django.db import transaction

from catalogue import index_store
from catalogue.jobs import INDEX_CHANGE
from catalogue.models import Recording, RecordingStatus
from jobs.context import JobContext
from jobs.services import submit


def change_index(*, recording: Recording, left_bucket_id: int) -> None:
    """Have the index follow a recording; call it in the transaction of its change."""
    submit(INDEX_CHANGE, recording, data={"left_bucket": left_bucket_id})


def run(context: JobContext) -> None:
    """Make the index agree with a recording that left a bucket or was retired."""
    left_bucket_id = context.job.data["left_bucket"]
    with transaction.atomic():
        # Of two changes of one recording, the second waits and sees the first one's.
        recording = Recording.objects.select_for_update().get(pk=context.subject.pk)
        is_searched = recording.status == RecordingStatus.READY
        if is_searched:
            index_store.index_recording(recording)
        if not is_searched or recording.bucket_id != left_bucket_id:
            index_store.open_index().remove(left_bucket_id, recording.pk)
        context.finish()

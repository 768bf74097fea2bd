"""Work of the catalogue that runs in a worker."""

from __future__ import annotations

import logging

from django.db import transaction
from django_tasks import task

from accounts.reach import person_at_work
from catalogue import index_store
from catalogue.fingerprinting import KIND, NotReady, run_fingerprinting
from catalogue.models import IndexChange, Recording, RecordingStatus
from catalogue.renditions import render_recording as make_rendition
from common.attribution import acting_through
from common.queue import Priority, pass_on, worker_name

logger = logging.getLogger(__name__)


@task()
def fingerprint_recording(recording_id: int) -> None:
    """Fingerprint one recording; one that is already taken is left alone."""
    try:
        run_fingerprinting(recording_id=recording_id, worker=worker_name())
    except NotReady:
        logger.info("recording %s is taken or done", recording_id)
    else:
        render_recording.enqueue(recording_id)
        waiting = Recording.objects.filter(status=RecordingStatus.WAITING)
        pass_on(fingerprint_recording, waiting, kind=KIND)


def enqueue_fingerprinting(recording: Recording) -> None:
    """Have a recording fingerprinted; before bulk work where a person looks on."""
    waited_for = person_at_work() is not None and not acting_through()
    priority = Priority.PERSON if waited_for else Priority.USUAL
    fingerprint_recording.using(priority=priority).enqueue(recording.pk)


@task(priority=Priority.AFTERWARDS)
def render_recording(recording_id: int) -> None:
    """Make what a browser can play of a recording."""
    make_rendition(recording_id=recording_id)


@task(priority=Priority.PERSON)
def update_index(change_id: int) -> None:
    """Make the index agree with a recording that left a bucket or was retired."""
    with transaction.atomic():
        change = IndexChange.objects.filter(pk=change_id).first()
        if change is None:
            return
        # Of two changes of one recording, the second waits and sees the first one's.
        recording = Recording.objects.select_for_update().get(pk=change.recording_id)
        searched = recording.status == RecordingStatus.READY
        if searched:
            index_store.index_recording(recording)
        if not searched or recording.bucket_id != change.left_bucket_id:
            index_store.open_index().remove(change.left_bucket_id, recording.pk)
        change.delete()

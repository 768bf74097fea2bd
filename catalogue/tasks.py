"""Background jobs of the catalogue."""

from __future__ import annotations

import logging

from django_tasks import task

from accounts.reach import person_at_work
from catalogue.fingerprinting import KIND, NotReady, run_fingerprinting
from catalogue.jobs import RENDITION
from catalogue.models import Recording, RecordingStatus
from common.attribution import acting_through
from common.queue import Priority, pass_on, worker_name
from jobs.services import submit

logger = logging.getLogger(__name__)


@task()
def fingerprint_recording(recording_id: int) -> None:
    """Fingerprint a recording; do nothing if another worker has it."""
    try:
        run_fingerprinting(recording_id=recording_id, worker=worker_name())
    except NotReady:
        logger.info("recording %s is taken or done", recording_id)
    else:
        submit(RENDITION, Recording.objects.get(pk=recording_id))
        waiting = Recording.objects.filter(status=RecordingStatus.WAITING)
        # The limit of jobs at once may have turned other recordings away.
        pass_on(fingerprint_recording, waiting, kind=KIND)


def enqueue_fingerprinting(recording: Recording) -> None:
    """Queue fingerprinting; before bulk work if a person is waiting."""
    waited_for = person_at_work() is not None and not acting_through()
    priority = Priority.PERSON if waited_for else Priority.USUAL
    fingerprint_recording.using(priority=priority).enqueue(recording.pk)

"""Work of the catalogue that runs in a worker."""

from __future__ import annotations

import logging

from django_tasks import task

from catalogue.fingerprinting import NotReady, run_fingerprinting
from catalogue.renditions import render_recording as make_rendition
from common.queue import worker_name

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


@task(priority=-10)
def render_recording(recording_id: int) -> None:
    """Make what a browser can play of a recording."""
    make_rendition(recording_id=recording_id)

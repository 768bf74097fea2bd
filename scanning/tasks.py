"""Queue entries of this package; they take ids only and call services."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django_tasks import task

from common.leases import kept
from common.queue import Priority, worker_name
from jobs.services import submit
from scanning import callback_processing, pipeline, turns
from scanning.jobs import RENDITION
from scanning.models import Scan

logger = logging.getLogger(__name__)


@task()
def run_scan(scan_id: int) -> None:
    """Run the next scan, which need not be ``scan_id``: each entry runs one scan."""
    done = pipeline.run_next(owner=worker_name())
    if done is None:
        return
    _render(*done)
    limited = settings.ACRPORTAL_SCANS_PER_CONTAINER or (
        turns.KIND in settings.ACRPORTAL_JOBS_AT_ONCE
    )
    # A queue entry may have been used up while the limits left no room.
    if limited and turns.may_go_on():
        run_scan.enqueue(scan_id)


def enqueue_scan(scan: Scan) -> None:
    """Queue one entry for a scan; scans that people wait for get priority."""
    # The priority orders queue entries; which scan then runs is decided in turns.
    priority = Priority.PERSON if scan.waited_for else Priority.USUAL
    run_scan.using(priority=priority).enqueue(scan.pk)


def give_way(held: QuerySet[Any]) -> None:
    """Run the scans that people wait for before long work continues.

    ``held`` selects the row of the long work; its lease is renewed meanwhile. Any:
    rows of any leased model.
    """
    while turns.queued_scans().filter(waited_for=True).exists():
        try:
            with kept(held):
                done = pipeline.run_next(owner=worker_name(), waited_for=True)
        except Exception:  # the scan is retried; the long work must not fail with it
            logger.exception("a priority scan failed")
            return
        if done is None:
            return
        _render(*done)


def _render(scan_id: int, has_result: bool) -> None:
    if has_result:
        submit(RENDITION, Scan.objects.get(pk=scan_id).scanned_file)


@task()
def process_callback(callback_id: int) -> None:
    """Apply one callback unless it was applied before."""
    callback_processing.let_burst_pass(callback_id=callback_id)
    try:
        callback_processing.process(callback_id=callback_id)
    except Exception as error:
        callback_processing.put_off(callback_id=callback_id, error=error)
        raise

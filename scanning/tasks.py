"""Work of this package that runs in a worker: thin, it takes ids only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django_tasks import task

from common.leases import kept, lease_end
from common.queue import Priority, pass_on, worker_name
from scanning import callback_processing, pipeline, renditions, retro_pipeline, turns
from scanning.choices import RetroStatus
from scanning.models import RetroSearch, Scan

logger = logging.getLogger(__name__)

_RENEW_SECONDS = 1.0


@task()
def run_scan(scan_id: int) -> None:
    """Run one scan more: the one whose turn it is, which need not be this one."""
    done = pipeline.run_next(owner=worker_name())
    if done is None:
        return
    _render(*done)
    limited = settings.ACRPORTAL_SCANS_PER_CONTAINER or (
        turns.KIND in settings.ACRPORTAL_JOBS_AT_ONCE
    )
    # An entry may have come while there was no room for another scan.
    if limited and turns.may_go_on():
        run_scan.enqueue(scan_id)


def enqueue_scan(scan: Scan) -> None:
    """Tell the workers of one scan more; before what else waits if a person does."""
    priority = Priority.PERSON if scan.waited_for else Priority.USUAL
    run_scan.using(priority=priority).enqueue(scan.pk)


def give_way(held: QuerySet[Any]) -> None:
    """Do the scans that people wait for before long work goes on.

    That work's own row, with its lease, is ``held``. Any: rows of any leased model.
    """
    while turns.queued_scans().filter(waited_for=True).exists():
        try:
            with kept(held):
                done = pipeline.run_next(owner=worker_name(), waited_for=True)
        except Exception:  # of a scan, which is tried again; no fault of this work
            logger.exception("a scan that went before failed")
            return
        if done is None:
            return
        _render(*done)


def heartbeat(held: QuerySet[Any]) -> Callable[[], None]:  # Any: as above
    """Return a function that renews a lease, every second at most, and gives way."""
    last = monotonic()

    def renew() -> None:
        nonlocal last
        if monotonic() - last >= _RENEW_SECONDS:
            last = monotonic()
            held.update(lease_until=lease_end())
            give_way(held)

    return renew


def _render(scan_id: int, has_result: bool) -> None:
    if has_result:
        render_file.enqueue(Scan.objects.get(pk=scan_id).scanned_file_id)


@task()
def process_callback(callback_id: int) -> None:
    """Apply one callback; one that is already applied is left alone."""
    callback_processing.let_burst_pass(callback_id=callback_id)
    try:
        callback_processing.process(callback_id=callback_id)
    except Exception as error:
        callback_processing.put_off(callback_id=callback_id, error=error)
        raise


@task(priority=Priority.EVERYTHING)
def run_retro_search(search_id: int) -> None:
    """Look at files for a while; what is left waits behind all other work."""
    if retro_pipeline.run_slice(search_id=search_id, owner=worker_name()):
        run_retro_search.enqueue(search_id)
    else:
        waiting = RetroSearch.objects.filter(status=RetroStatus.QUEUED)
        pass_on(run_retro_search, waiting, kind=retro_pipeline.KIND)


@task(priority=Priority.AFTERWARDS)
def render_file(scanned_file_id: int) -> None:
    """Make what a browser can play of a scanned file."""
    renditions.render_scanned_file(scanned_file_id=scanned_file_id)

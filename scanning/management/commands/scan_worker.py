"""``manage.py scan_worker``: runs queued work until told to stop."""

from __future__ import annotations

import argparse
import logging
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, close_old_connections
from django_tasks_db.management.commands.db_worker import Worker

from audit.anchors import make_due_anchors
from catalogue.reindexing import requeue_index_changes
from catalogue.services import requeue_stale_recordings
from common import draining
from common.queue import worker_name
from scanning import retention, watching
from scanning.services import cloud
from scanning.services.callbacks import requeue_lost_callbacks
from scanning.services.outbound_callbacks import deliver_due
from scanning.services.scans import requeue_stale_scans
from scanning.signals import worker_swept

logger = logging.getLogger(__name__)

_OUTAGE_SECONDS = 2.0
DatabaseGone = (OperationalError, InterfaceError)


class Sweeper(threading.Thread):
    """Hands out again, every third of a lease, what a dead worker left behind."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Sweep until stopped."""
        while not self._stopped.wait(settings.ACRPORTAL_LEASE_SECONDS / 3):
            try:
                sweep()
            except Exception:  # whatever it was, the next sweep may find it mended
                logger.exception("sweep failed")
            finally:
                close_old_connections()

    def stop(self) -> None:
        """End the thread at its next wait."""
        self._stopped.set()


class Deliverer(threading.Thread):
    """Talks to other servers, beside the scans and not in their way."""

    def __init__(self, name: str, work: Callable[[], int], interval: float) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._interval = max(0.1, interval)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Do what is due until stopped."""
        while not self._stopped.wait(self._interval):
            try:
                self._work()
            except Exception:  # as above: this thread is all there is of its kind
                logger.exception("%s failed", self.name)
            finally:
                close_old_connections()

    def stop(self) -> None:
        """End the thread at its next wait."""
        self._stopped.set()


def _talkers(interval: float) -> list[Deliverer]:
    """Return a thread for each kind of talk, so that none waits for another."""
    name = worker_name()[-62:]
    return [
        Deliverer("deliverer", lambda: deliver_due(worker=f"{name}:d"), interval),
        Deliverer("cloud sender", lambda: cloud.send_due(owner=f"{name}:s"), interval),
        Deliverer(
            "cloud checker", lambda: cloud.check_due(owner=f"{name}:c"), interval
        ),
        Deliverer("watcher", lambda: watching.check_due(owner=f"{name}:w"), interval),
    ]


def sweep() -> int:
    """Queue again everything that was left behind; return how much.

    What ends by the clock ends here too; of that, no part stands in another's way.
    """
    count = (
        requeue_stale_scans()
        + requeue_stale_recordings(max_attempts=settings.ACRPORTAL_MAX_ATTEMPTS)
        + requeue_index_changes()
        + requeue_lost_callbacks()
    )
    worker_swept.send_robust(sender=None)
    make_due_anchors()
    retention.remove_due()
    return count


def _sweep_if_possible() -> None:
    """Sweep at the start; a database that is busy is swept in a moment anyhow."""
    try:
        sweep()
    except DatabaseGone:
        logger.exception("first sweep failed")


def _run_through_outages(worker: Worker) -> None:
    """Run the worker's loop, and again when the database was away or locked.

    What it had in hand is handed out again by its lease.
    """
    while worker.running:
        try:
            worker.run()
        except DatabaseGone:
            logger.exception("the database did not answer; trying again")
            close_old_connections()
            time.sleep(_OUTAGE_SECONDS)
        else:
            return


class _Worker(Worker):
    """The queue's own worker, which tells long work that it is to end."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Take nothing more; what runs may go on, or hand itself back."""
        draining.begin()
        super().shutdown(signum, frame)


def _work_off(*, batch: bool, interval: float) -> None:
    """Run what is queued, in the database or on the broker."""
    if settings.BROKER_URL:
        from common import celery_backend

        celery_backend.run_worker(worker_name())
        return
    worker = _Worker(
        queue_names=["default"],
        interval=interval,
        batch=batch,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=worker_name(),
        excluded_queue_names=[],
    )
    worker.configure_signals()
    _run_through_outages(worker)


class Command(BaseCommand):
    """Runs the worker loop; SIGTERM lets the task in hand finish."""

    help = "Run queued scans, fingerprinting, callbacks, cloud scans and watches."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--batch", action="store_true", help="End when nothing is queued."
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=0.5,
            help="Seconds between looks at an empty queue (default: %(default)s).",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Work until the queue is empty (--batch) or a signal comes."""
        if options["batch"] and settings.BROKER_URL:
            raise CommandError(
                "--batch ends when the queue in the database is empty; with BROKER_URL "
                "set there is none."
            )
        _sweep_if_possible()
        threads: list[Sweeper | Deliverer] = [Sweeper()]
        if options["batch"]:
            watching.check_due(owner=worker_name())
        else:
            threads += _talkers(options["interval"])
        for thread in threads:
            thread.start()
        try:
            _work_off(batch=options["batch"], interval=options["interval"])
        finally:
            for thread in threads:
                thread.stop()
        if options["batch"]:
            deliver_due(worker=worker_name())
            cloud.send_due(owner=worker_name())
            cloud.check_due(owner=worker_name())

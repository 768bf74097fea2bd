"""``manage.py scan_worker``: runs queued work until it is told to stop."""

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

import jobs.services
import jobs.wake
from audit.anchors import make_due_anchors
from common import draining
from common.queue import worker_name
from scanning import retention, watching
from scanning.services import cloud
from scanning.services.callbacks import requeue_lost_callbacks
from scanning.services.outbound_callbacks import deliver_due
from scanning.services.scans import requeue_stale_scans
from scanning.signals import worker_swept

logger = logging.getLogger(__name__)

# Pause between attempts while the database is unreachable.
_OUTAGE_SECONDS = 2.0
DatabaseGone = (OperationalError, InterfaceError)


class Sweeper(threading.Thread):
    """Requeues the work of dead workers, three times per lease."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Sweep until stopped."""
        # Three sweeps per lease: abandoned work waits at most a third longer than its
        # lease.
        while not self._stopped.wait(settings.ACRPORTAL_LEASE_SECONDS / 3):
            try:
                sweep()
            except Exception:  # the thread must survive; the next sweep tries again
                logger.exception("sweep failed")
            finally:
                # A thread keeps its own connection; after an error it may be unusable.
                close_old_connections()

    def stop(self) -> None:
        """End the thread at its next pause."""
        self._stopped.set()


class Deliverer(threading.Thread):
    """Talks to other servers in a thread, so that scans never wait for them."""

    def __init__(self, name: str, work: Callable[[], int], interval: float) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._interval = max(0.1, interval)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Handle what is due until stopped."""
        while not self._stopped.wait(self._interval):
            try:
                self._work()
            except Exception:  # the thread must survive; no other does this work
                logger.exception("%s failed", self.name)
            finally:
                close_old_connections()

    def stop(self) -> None:
        """End the thread at its next pause."""
        self._stopped.set()


def _talkers(interval: float) -> list[Deliverer]:
    """Return one thread per kind of call, so that none delays another."""
    # The lease owner column is short; the suffix below must fit too.
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
    """Requeue abandoned work and end what is due by the clock; return the count."""
    count = (
        jobs.services.reclaim()
        + jobs.wake.wake_for_overdue()
        + requeue_stale_scans()
        + requeue_lost_callbacks()
    )
    # One failing receiver must not keep the others from running.
    worker_swept.send_robust(sender=None)
    make_due_anchors()
    retention.remove_due()
    jobs.services.prune()
    return count


def _sweep_if_possible() -> None:
    """Sweep at the start; if the database is busy, the sweeper thread soon follows."""
    try:
        sweep()
    except DatabaseGone:
        logger.exception("first sweep failed")


def _run_through_outages(worker: Worker) -> None:
    """Run the worker's loop, and restart it when the database becomes reachable.

    The lease of the interrupted work expires, so a worker takes it up again.
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
    """The queue's worker; on shutdown it also asks long work to hand itself back."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Claim nothing more; running work finishes or hands itself back."""
        draining.begin()
        super().shutdown(signum, frame)


def _work_off(*, batch: bool, interval: float) -> None:
    """Run the queue in the database, or the broker's if there is one."""
    if settings.BROKER_URL:
        # Celery is an optional dependency.
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
    """Runs the worker loop; SIGTERM lets the current task finish."""

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
            help="Seconds between checks of an empty queue (default: %(default)s).",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Work until the queue is empty (--batch) or a signal arrives."""
        if options["batch"] and settings.BROKER_URL:
            raise CommandError(
                "--batch needs the queue in the database, but BROKER_URL is set. "
                "Start the worker without --batch."
            )
        _sweep_if_possible()
        threads: list[Sweeper | Deliverer] = [Sweeper()]
        if options["batch"]:
            # A batch run has no threads, so it does their work once, here and at the
            # end.
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

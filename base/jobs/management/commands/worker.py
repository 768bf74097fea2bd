"""``manage.py worker``: runs jobs until it is stopped."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from base.jobs import loop
from base.jobs.choices import WORKER_POOLS, Pool


class Command(BaseCommand):
    """Runs the jobs of both pools; SIGTERM lets the running ones finish."""

    help = (
        "Run jobs: scans, fingerprints and reports in one thread (work), callbacks, "
        "deliveries, cloud scans and watches in four (talk)."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--batch",
            action="store_true",
            help="Run all jobs that are due, periodic ones too, and exit.",
        )
        parser.add_argument(
            "--pool",
            choices=[pool.value for pool in WORKER_POOLS],
            help="Run only this pool (default: both).",
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=0.25,
            help="Seconds between two checks of an idle thread (default: %(default)s).",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Work until nothing is left (--batch) or a signal arrives."""
        pools = [Pool(options["pool"])] if options["pool"] else list(WORKER_POOLS)
        interval = max(0.01, options["interval"])
        if options["batch"]:
            loop.run_batch(pools)
        elif settings.BROKER_URL:
            # Most installations have no broker and skip the import.
            from base.jobs import broker_worker

            broker_worker.run_worker(pools, interval=interval)
        else:
            loop.run(pools, interval=interval)

"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Connects the regular tasks of reports to the worker's sweep."""

    name = "reports"

    def ready(self) -> None:
        """Connect recovery, schedules and pruning to the sweep."""
        from reports import scheduling, services
        from reports.evidence.services import requeue_stale_packs
        from scanning.signals import worker_swept

        worker_swept.connect(services.requeue_stale_runs)
        worker_swept.connect(services.prune_runs)
        worker_swept.connect(scheduling.run_due)
        worker_swept.connect(requeue_stale_packs)

"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Connects the regular tasks of reports to the worker's sweep."""

    name = "reports"

    def ready(self) -> None:
        """Connect recovery, schedules and pruning to the sweep."""
        from reports import jobs, scheduling, services  # noqa: F401
        from scanning.signals import worker_swept

        worker_swept.connect(services.prune_runs)
        worker_swept.connect(scheduling.run_due)

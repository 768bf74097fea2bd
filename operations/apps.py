"""The operations app: its regular tasks run in the worker's sweep."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """Connects retention and table statistics to the worker's sweep."""

    name = "operations"
    verbose_name = _("operations")

    def ready(self) -> None:
        """Connect both tasks to the sweep."""
        from operations.retention import prune
        from operations.statistics import keep_fresh
        from scanning.signals import worker_swept

        worker_swept.connect(prune, dispatch_uid="operations.retention")
        worker_swept.connect(keep_fresh, dispatch_uid="operations.statistics")

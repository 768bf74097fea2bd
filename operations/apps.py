"""Keeping an installation well: backup and restore, doctor, metrics."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """The app's registration."""

    name = "operations"
    verbose_name = _("operations")

    def ready(self) -> None:
        """Let the worker's sweep delete what is over, and know the tables."""
        from operations.retention import prune
        from operations.statistics import keep_fresh
        from scanning.signals import worker_swept

        worker_swept.connect(prune, dispatch_uid="operations.retention")
        worker_swept.connect(keep_fresh, dispatch_uid="operations.statistics")

"""Review: what people decided about what machines found."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    """Folds finished scans into matches; ends locks and licences in time; reminds."""

    name = "review"

    def ready(self) -> None:
        """Listen for finished scans, and for the worker's sweeps."""
        from review.services import folding, licences, locks, reminders
        from scanning import signals

        signals.scan_finished.connect(folding.fold_scan)
        signals.source_read.connect(folding.keep_views)
        # A scan that failed may have kept the other engine's result waiting.
        signals.scan_settled.connect(folding.fold_waiting)
        signals.worker_swept.connect(locks.release_expired_locks)
        signals.worker_swept.connect(licences.end_expired)
        signals.worker_swept.connect(reminders.remind)

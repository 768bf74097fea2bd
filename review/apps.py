"""Configures the review package and connects its signals."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    """Matches and decisions; folds scans and handles expiry and reminders."""

    name = "review"

    def ready(self) -> None:
        """Connect to scan results and to the worker's sweeps."""
        from review.services import folding, licences, locks, reminders
        from scanning import signals

        signals.scan_finished.connect(folding.fold_scan)
        signals.source_read.connect(folding.keep_views)
        # The other engine's result may have waited for a scan that then failed.
        signals.scan_settled.connect(folding.fold_waiting)
        signals.worker_swept.connect(locks.release_expired_locks)
        signals.worker_swept.connect(licences.end_expired)
        signals.worker_swept.connect(reminders.remind)

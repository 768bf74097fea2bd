"""Review: what people decided about what machines found."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    """Folds the detections of each finished scan into matches."""

    name = "review"

    def ready(self) -> None:
        """Listen for finished scans."""
        from review.services import folding
        from scanning import signals

        signals.scan_finished.connect(folding.fold_scan)

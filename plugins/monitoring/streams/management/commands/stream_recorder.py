"""``manage.py stream_recorder``: listens to live streams until it is stopped."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from plugins.monitoring.streams import recorder_loop


class Command(BaseCommand):
    """Records streams; SIGTERM hands them to other recorders."""

    help = (
        "Record live streams and show what they play; other recorders take over the "
        "streams of one that ends or dies."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--streams",
            type=int,
            default=settings.ACRPORTAL_STREAMS_PER_RECORDER,
            help="Record at most this many streams at once (default: %(default)s).",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Record until a signal arrives."""
        recorder_loop.run(most=max(1, options["streams"]))

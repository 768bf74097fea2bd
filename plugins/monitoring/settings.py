"""The settings of streams, and the Django apps of this plug-in."""

from __future__ import annotations

from typing import Final

import environ

env = environ.FileAwareEnv()

# Its streams move in and are compared in trials.
REQUIRES: Final = ("moving",)
# The tables of each have its label; the last one has the pages of all of them.
APPS: Final = (
    "plugins.monitoring.streams",
    "plugins.monitoring.unknown",
    "plugins.monitoring.broadcasts",
    "plugins.monitoring.declarations",
    "plugins.monitoring",
)

ACRPORTAL_STREAMS_PER_RECORDER: int = env.int("ACRPORTAL_STREAMS_PER_RECORDER", 40)
ACRPORTAL_STREAM_FREE_BYTES: int = env.int("ACRPORTAL_STREAM_FREE_BYTES", 2 * 1024**3)

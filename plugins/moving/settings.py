"""The settings of moves."""

from __future__ import annotations

import environ

env = environ.FileAwareEnv()

ACRPORTAL_MOVE_HOURS: int = env.int("ACRPORTAL_MOVE_HOURS", 48)

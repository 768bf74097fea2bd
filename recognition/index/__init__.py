"""The landmark index on disk: immutable, memory-mapped segments behind ``store``."""

from __future__ import annotations

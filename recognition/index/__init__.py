"""The landmark index on disk: immutable mapped segments behind ``store``."""

from __future__ import annotations

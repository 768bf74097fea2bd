"""Signals of this package for the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``recording`` when a recording has become searchable.
recording_ready = Signal()

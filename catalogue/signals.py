"""Signals of this package for the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``recording`` when a recording has become searchable.
recording_ready = Signal()
# Sent with ``before`` (the former columns of each recording, by key) and ``user``, in the
# transaction that changed them.
recordings_changed = Signal()

"""What this package tells the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``recording`` when one has become searchable.
recording_ready = Signal()

"""What this package tells the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``scan`` inside the transaction that stores its outcome.
scan_finished = Signal()

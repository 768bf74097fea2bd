"""Signals for the packages above this one."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``scan``, in the transaction that stores its detections.
scan_finished = Signal()

# Sent with ``scan``, in the transaction that ends it, after the file has its new
# status; also for failed and cancelled scans.
scan_settled = Signal()

# Sent with ``file`` after its metadata was read from the platform again.
source_read = Signal()

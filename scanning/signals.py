"""What this package tells the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``scan`` inside the transaction that stores its outcome.
scan_finished = Signal()

# Sent with ``scan`` inside the transaction that ends it, when the file says so too;
# also for scans that failed or were cancelled.
scan_settled = Signal()

# Sent with ``file`` when what its platform tells of it was read anew.
source_read = Signal()

# Sent by the worker at each sweep, for whatever else ends by the clock.
worker_swept = Signal()

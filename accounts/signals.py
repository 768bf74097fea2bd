"""What this package tells the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``case``, ``action``, ``actor`` and ``after`` in the transaction of a
# change to an account or a token; the audit trail listens.
account_changed = Signal()

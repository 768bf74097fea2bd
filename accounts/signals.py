"""Signals to packages above this one."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``case``, ``action``, ``actor`` and ``after`` in the transaction that
# changes an account or a token. The audit trail listens.
account_changed = Signal()

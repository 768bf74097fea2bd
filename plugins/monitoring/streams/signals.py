"""Signals of this package for the packages above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``station``, in the transaction that changed its territory or time zone.
station_moved = Signal()

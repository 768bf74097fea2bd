"""Configures the package of repeated unknown sound."""

from __future__ import annotations

from django.apps import AppConfig


class RecurringConfig(AppConfig):
    """Kept files, the items that recur in them, and decisions about these."""

    name = "recurring"

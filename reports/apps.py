"""Reports: what leaves the portal."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Writes match reports."""

    name = "reports"

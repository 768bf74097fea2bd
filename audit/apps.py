"""Audit: what happened, append-only."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Holds the events; knows nothing of what they are about."""

    name = "audit"

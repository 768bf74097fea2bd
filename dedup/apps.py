"""Dedup: one recording, once."""

from __future__ import annotations

from django.apps import AppConfig


class DedupConfig(AppConfig):
    """Holds the groups of recordings that are the same sound."""

    name = "dedup"

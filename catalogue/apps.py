"""Catalogue: the recordings that are ours, and their index."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Holds buckets, recordings and the landmark index."""

    name = "catalogue"

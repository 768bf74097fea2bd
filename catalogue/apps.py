"""Catalogue: our recordings and their index."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from base.common.databases import keep_reserved_ids


class CatalogueConfig(AppConfig):
    """Holds buckets, recordings and the landmark index."""

    name = "catalogue"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Register the jobs; keep the bucket ids that the wire protocol reserves free."""
        from catalogue import jobs  # noqa: F401

        post_migrate.connect(_reserve_ids, sender=self)


def _reserve_ids(using: str, **_signal: object) -> None:
    keep_reserved_ids(using, "catalogue_bucket")

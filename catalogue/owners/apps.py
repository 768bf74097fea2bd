"""Configures the records of works, parties, shares and releases."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OwnersConfig(AppConfig):
    """Works, parties, shares, releases, and the conflicts between claims."""

    name = "catalogue.owners"
    label = "rights"  # Names the tables.
    verbose_name = _("Rights")

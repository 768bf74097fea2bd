"""Keeping an installation well: backup and restore, doctor, metrics."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """The app's registration."""

    name = "operations"
    verbose_name = _("operations")

"""The last app in ``INSTALLED_APPS``: ends the start of every process."""

from __future__ import annotations

import gc

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AcrportalConfig(AppConfig):
    """Has no models; its place in ``INSTALLED_APPS`` is its only content."""

    name = "acrportal"
    verbose_name = _("Portal")

    def ready(self) -> None:
        """Turn the garbage collector on for objects made from now on."""
        gc.freeze()
        gc.enable()

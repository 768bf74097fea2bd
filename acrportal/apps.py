"""The app that is ready last: what every process does at the end of its start."""

from __future__ import annotations

import gc

from django.apps import AppConfig


class AcrportalConfig(AppConfig):
    """Has no models; its place in ``INSTALLED_APPS`` is its only content."""

    name = "acrportal"

    def ready(self) -> None:
        """Turn the garbage collector on, for what is made from now on."""
        gc.freeze()
        gc.enable()

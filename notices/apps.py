"""The notices app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Takedown notices; their tables have the app label ``reports``."""

    name = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        """Name the notices of a match in its evidence packs."""
        from evidence import notices
        from notices.in_packs import notices_about

        notices.finders.register(notices_about)

"""The plug-in for moving in: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MovingConfig(AppConfig):
    """Moves of accounts into this portal, and trials beside an account."""

    name = "plugins.moving"
    label = "moving"
    verbose_name = _("Moving in")

    def ready(self) -> None:
        """Register all of it."""
        from base.common import routing
        from operations.earlier import took_over
        from plugins.moving import jobs, on_pages  # noqa: F401 - registers the jobs
        from plugins.moving.importing import kind  # noqa: F401 - registers it
        from plugins.moving.pages import menu
        from web.portal.shared.cards import cards

        routing.pages.register("plugins.moving.pages.urls")
        menu.register()
        for card in on_pages.CARDS:
            cards.register(card)
        for name in ("movein", "moved"):
            took_over.register((f"imports.{name}", f"moving.{name}"))
        for name in ("enginetrial", "enginetrial_containers", "trialfile", "trialrow"):
            took_over.register((f"reports.{name}", f"moving.{name}"))

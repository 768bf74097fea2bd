"""The plug-in that fills in missing metadata: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FillingConfig(AppConfig):
    """Suggestions for missing metadata, and what people and rules decide about them."""

    name = "plugins.filling"
    label = "enrichment"
    verbose_name = _("Filling in")

    def ready(self) -> None:
        """Register all of it."""
        from base.common import routing
        from plugins.filling import jobs, on_pages  # noqa: F401 - registers the jobs
        from plugins.filling.pages import menu
        from web.portal.shared.cards import cards

        routing.pages.register("plugins.filling.pages.urls")
        menu.register()
        for card in on_pages.CARDS:
            cards.register(card)

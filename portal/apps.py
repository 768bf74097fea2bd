"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig

from common.words import mark_names


class PortalConfig(AppConfig):
    """Configures the portal, which has no models."""

    name = "portal"

    def ready(self) -> None:
        """Register what features add to the menu and to each other's pages."""
        mark_names()
        _register_menu()
        _register_cards()


def _register_menu() -> None:
    from portal import menu
    from portal.enrichment import menu as enrichment
    from portal.trials import menu as trials

    for feature in (menu, enrichment, trials):
        feature.register()


def _register_cards() -> None:
    from portal.enrichment import on_pages as enrichment
    from portal.shared.cards import cards
    from portal.trials import on_pages as trials

    for feature in (enrichment, trials):
        for card in feature.CARDS:
            cards.register(card)

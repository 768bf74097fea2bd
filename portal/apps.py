"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

from common.words import mark_names


class PortalConfig(AppConfig):
    """Configures the portal, which has no models."""

    name = "portal"

    def ready(self) -> None:
        """Fill the menu; let pages show names of fields in each language."""
        from portal import menu
        from portal.claims import menu as claims
        from portal.enrichment import menu as enrichment
        from portal.notices import menu as notices
        from portal.rights import menu as rights
        from portal.trials import menu as trials

        for feature in (menu, claims, enrichment, notices, rights, trials):
            feature.register()
        if settings.ACRPORTAL_MONITORING:
            from portal.broadcasts import menu as broadcasts
            from portal.declarations import menu as declarations
            from portal.streams import menu as streams
            from portal.unknown import menu as unknown

            for feature in (broadcasts, declarations, streams, unknown):
                feature.register()
        mark_names()

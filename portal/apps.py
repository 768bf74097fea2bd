"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

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
    from portal.claims import menu as claims
    from portal.notices import menu as notices
    from portal.trials import menu as trials

    for feature in (menu, claims, notices, trials):
        feature.register()
    if settings.ACRPORTAL_MONITORING:
        from portal.broadcasts import menu as broadcasts
        from portal.declarations import menu as declarations
        from portal.streams import menu as streams
        from portal.unknown import menu as unknown

        for monitored in (broadcasts, declarations, streams, unknown):
            monitored.register()


def _register_cards() -> None:
    from portal.claims import on_pages as claims
    from portal.notices import on_pages as notices
    from portal.shared.cards import cards
    from portal.trials import on_pages as trials

    for feature in (notices, claims, trials):
        for card in feature.CARDS:
            cards.register(card)
    if settings.ACRPORTAL_MONITORING:
        _register_monitoring()


def _register_monitoring() -> None:
    from portal.broadcasts import on_pages as broadcasts
    from portal.broadcasts.arrival_api import BroadcastOfFiles
    from portal.broadcasts.fields import PerhapsBroadcast
    from portal.declarations import on_pages as declarations
    from portal.shared.arrivals import api_parts, more_fields
    from portal.shared.cards import cards
    from portal.shared.choices import choice_kinds
    from portal.shared.file_verbs import file_verbs
    from portal.shared.job_actions import job_actions
    from portal.shared.processes import processes
    from portal.shared.searching import search_kinds
    from portal.streams import on_pages as streams
    from portal.streams import searching as streams_search
    from portal.streams.fields import streams_field
    from portal.trials.places import place_fields
    from portal.unknown import on_pages as unknown
    from portal.unknown import searching as unknown_search
    from portal.unknown.choices import CHOICES

    for feature in (unknown, streams, broadcasts, declarations):
        for card in feature.CARDS:
            cards.register(card)
    for kind in (*streams_search.SEARCH_KINDS, *unknown_search.SEARCH_KINDS):
        search_kinds.register(kind)
    for choice_kind in CHOICES:
        choice_kinds.register(choice_kind)
    processes.register("stream_recorder")
    place_fields.register(("streams", streams_field))
    more_fields.register(PerhapsBroadcast)
    api_parts.register(BroadcastOfFiles())
    job_actions.register(("declaration", declarations.JOB_ACTIONS))
    file_verbs.register(("broadcast", broadcasts.ADD_BROADCAST))

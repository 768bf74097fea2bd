"""The plug-in for what is on air: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonitoringConfig(AppConfig):
    """Pages and APIs of this plug-in's other apps, which hold the tables and rules."""

    name = "plugins.monitoring"
    label = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        """Register all of it."""
        _register_addresses()
        _register_on_pages()
        _register_in_operations()
        _register_callbacks()


def _register_addresses() -> None:
    from base.common import routing
    from plugins.monitoring.pages.broadcasts import menu as broadcasts
    from plugins.monitoring.pages.declarations import menu as declarations
    from plugins.monitoring.pages.streams import menu as streams
    from plugins.monitoring.pages.unknown import menu as unknown

    routing.pages.register("plugins.monitoring.pages.urls")
    routing.portal_api.register("plugins.monitoring.api.urls")
    routing.wire_api.register("plugins.monitoring.wire.urls")
    for subject in (broadcasts, declarations, streams, unknown):
        subject.register()


def _register_on_pages() -> None:
    from plugins.monitoring.pages.broadcasts import on_pages as broadcasts
    from plugins.monitoring.pages.broadcasts.arrival_api import BroadcastOfFiles
    from plugins.monitoring.pages.broadcasts.fields import PerhapsBroadcast
    from plugins.monitoring.pages.declarations import on_pages as declarations
    from plugins.monitoring.pages.streams import on_pages as streams
    from plugins.monitoring.pages.streams.fields import streams_field
    from plugins.monitoring.pages.streams.searching import SEARCH_KINDS as STREAMS
    from plugins.monitoring.pages.unknown import on_pages as unknown
    from plugins.monitoring.pages.unknown.choices import CHOICES
    from plugins.monitoring.pages.unknown.searching import SEARCH_KINDS as UNKNOWN
    from plugins.moving.pages.places import place_fields
    from web.portal.shared.arrivals import api_parts, more_fields
    from web.portal.shared.cards import cards
    from web.portal.shared.choices import choice_kinds
    from web.portal.shared.file_verbs import file_verbs
    from web.portal.shared.job_actions import job_actions
    from web.portal.shared.processes import processes
    from web.portal.shared.searching import search_kinds

    for subject in (unknown, streams, broadcasts, declarations):
        for card in subject.CARDS:
            cards.register(card)
    for kind in (*STREAMS, *UNKNOWN):
        search_kinds.register(kind)
    for choice_kind in CHOICES:
        choice_kinds.register(choice_kind)
    more_fields.register(PerhapsBroadcast)
    api_parts.register(BroadcastOfFiles())
    place_fields.register(("streams", streams_field))
    processes.register("stream_recorder")
    job_actions.register(("declaration", declarations.JOB_ACTIONS))
    file_verbs.register(("broadcast", broadcasts.ADD_BROADCAST))


def _register_in_operations() -> None:
    from operations.findings import checks
    from operations.gauges import metrics
    from plugins.monitoring.in_operations import stream_findings, stream_metrics

    checks.register(stream_findings)
    metrics.register(stream_metrics)


def _register_callbacks() -> None:
    from plugins.monitoring.streams.notices import play_settled, stream_reached
    from plugins.monitoring.wire.callbacks import queue_result, queue_state

    play_settled.connect(queue_result, dispatch_uid="acrapi")
    stream_reached.connect(queue_state, dispatch_uid="acrapi")

"""What streams adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from plugins.monitoring.streams.models import Stream
from web.portal.shared.menu import MenuEntry, PageLink, Section, entries, pages, verbs


def register() -> None:
    """Add the entries."""
    entries.register(
        MenuEntry(
            section=Section.WORK,
            place=80,
            label=_("Streams"),
            icon="streams",
            page="portal:streams",
            pages=(
                "portal:stream_log",
                "portal:stream_alarms",
                "portal:stream_add",
                "portal:stream_day",
                "portal:stream_edit",
                "portal:stream_delete",
                "portal:station_list",
                "portal:station_add",
                "portal:station",
                "portal:station_edit",
                "portal:station_banned",
                "portal:station_figures",
                "portal:station_revenue",
            ),
            lead=_("Live streams are recorded, and their music is heard as it plays."),
            uses=Stream.objects.all,
        )
    )
    pages.register(PageLink(_("Play log"), "portal:stream_log"))
    pages.register(PageLink(_("Stream alarms"), "portal:stream_alarms"))
    pages.register(PageLink(_("Stations"), "portal:station_list"))
    verbs.register(PageLink(_("Add a stream"), "portal:stream_add", Action.UPLOAD))

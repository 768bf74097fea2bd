"""What unknown sound adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from plugins.monitoring.unknown.models import UnknownItem
from web.portal.shared.menu import MenuEntry, Section, entries


def register() -> None:
    """Add the entries."""
    entries.register(
        MenuEntry(
            section=Section.WORK,
            place=90,
            label=pgettext_lazy("sound", "Unknown"),
            title=_("Unknown sound"),
            icon="unknown",
            page="portal:unknown",
            pages=("portal:unknown_item", "portal:unknown_act", "portal:unknown_many"),
            lead=_("Sound that repeats and that no recording explains."),
            uses=UnknownItem.objects.all,
        )
    )

"""What claims of platforms adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from plugins.claims.models import PlatformAccount
from web.portal.shared.menu import MenuEntry, Section, entries


def register() -> None:
    """Add the entries."""
    entries.register(
        MenuEntry(
            section=Section.LIBRARY,
            place=70,
            label=_("Platform claims"),
            icon="layers",
            page="portal:claims",
            pages=(
                "portal:claim",
                "portal:claim_assets",
                "portal:claim_asset",
                "portal:claim_values",
                "portal:claim_files",
            ),
            lead=_("Claims that video platforms report, beside what was heard here."),
            uses=PlatformAccount.objects.all,
        )
    )

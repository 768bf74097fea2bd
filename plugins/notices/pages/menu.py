"""What notices adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from plugins.notices.models import TakedownNotice
from web.portal.shared.menu import MenuEntry, Section, entries


def register() -> None:
    """Add the entries."""
    entries.register(
        MenuEntry(
            section=Section.LIBRARY,
            place=80,
            label=_("Notices"),
            icon="flag",
            page="portal:notice_list",
            pages=(
                "portal:notice_prepare",
                "portal:notice",
                "portal:notice_edit",
                "portal:notice_sign",
                "portal:notice_sent",
                "portal:notice_answer",
                "portal:notice_withdraw",
                "portal:notice_print",
            ),
            lead=_("Takedown notices, with the evidence of each use."),
            uses=TakedownNotice.objects.all,
        )
    )

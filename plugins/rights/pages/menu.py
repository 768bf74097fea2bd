"""What rights adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from catalogue.owners.models import Work
from web.portal.shared.menu import MenuEntry, PageLink, Section, entries, pages


def register() -> None:
    """Add the entries."""
    entries.register(
        MenuEntry(
            section=Section.LIBRARY,
            place=40,
            label=_("Rights"),
            icon="layers",
            page="portal:work_list",
            title=_("Works"),
            pages=(
                "portal:work",
                "portal:work_create",
                "portal:work_edit",
                "portal:work_share",
                "portal:party_list",
                "portal:party",
                "portal:party_create",
                "portal:party_edit",
                "portal:release_list",
                "portal:release",
                "portal:release_create",
                "portal:release_edit",
                "portal:rights_recording",
                "portal:rights_recording_share",
                "portal:rights_conflicts",
                "portal:rights_conflict",
            ),
            lead=_("Works, parties and shares: who owns what, and where."),
            uses=Work.objects.all,
        )
    )
    pages.register(PageLink(_("Parties"), "portal:party_list"))
    pages.register(PageLink(_("Releases"), "portal:release_list"))
    pages.register(PageLink(_("Rights conflicts"), "portal:rights_conflicts"))

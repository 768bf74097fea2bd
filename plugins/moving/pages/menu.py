"""What trials of engines adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from web.portal.shared.menu import PageLink, Subpages, pages, subpages


def register() -> None:
    """Add the entries."""
    pages.register(PageLink(_("Run both engines"), "portal:trial_list", Action.DECIDE))
    subpages.register(
        Subpages(
            "portal:container_list",
            ("portal:trial_list", "portal:trial", "portal:trial_judge", "portal:trial_end"),
        )
    )

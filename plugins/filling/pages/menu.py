"""What the filling of gaps in metadata adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from web.portal.shared.menu import PageLink, Subpages, pages, subpages


def register() -> None:
    """Add the entries."""
    pages.register(PageLink(_("Filling in"), "portal:fill_in"))
    pages.register(PageLink(_("Suggestions"), "portal:suggestion_list"))
    pages.register(PageLink(_("Sources of open data"), "portal:open_data"))
    subpages.register(
        Subpages(
            "portal:catalogue",
            (
                "portal:fill_in",
                "portal:suggestion_list",
                "portal:suggestion",
                "portal:suggestion_bulk",
                "portal:difference_list",
                "portal:filling_rules",
                "portal:open_data",
                "portal:open_data_delete",
            ),
        )
    )

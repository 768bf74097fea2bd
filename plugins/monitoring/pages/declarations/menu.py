"""What declarations adds to the menu and the palette."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from web.portal.shared.menu import PageLink, Subpages, pages, subpages


def register() -> None:
    """Add the entries."""
    pages.register(PageLink(_("Declarations"), "portal:declarations"))
    subpages.register(
        Subpages(
            "portal:reports",
            (
                "portal:declarations",
                "portal:declaration",
                "portal:declaration_check",
                "portal:declaration_profile",
                "portal:declaration_profile_add",
            ),
        )
    )

"""What broadcasts adds to the menu and the palette."""

from __future__ import annotations

from web.portal.shared.menu import Subpages, subpages


def register() -> None:
    """Add the entries."""
    subpages.register(Subpages("portal:file_list", ("portal:file_broadcasts", "portal:broadcast")))

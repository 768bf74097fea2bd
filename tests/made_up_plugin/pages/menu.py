"""What letters add to the menu and the palette."""

from __future__ import annotations

from plugins.letters.models import Letter
from web.portal.shared.menu import MenuEntry, Section, entries


def register() -> None:
    """Add the entry, which stands on the page *More* until there is a letter."""
    entries.register(
        MenuEntry(
            section=Section.LIBRARY,
            place=85,
            label="Letters",
            icon="edit",
            page="portal:letters",
            pages=("portal:letter",),
            lead="Letters about matches.",
            uses=Letter.objects.all,
        )
    )

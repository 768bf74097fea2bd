"""The plug-in for letters: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig


class LettersConfig(AppConfig):
    """Letters about matches."""

    name = "plugins.letters"
    label = "letters"  # For ever: tables and permissions are named by it.
    verbose_name = "Letters"

    def ready(self) -> None:
        """Register all of it."""
        from base.common import routing
        from operations.findings import checks
        from operations.gauges import metrics
        from plugins.letters import (
            importing,  # noqa: F401 - registers the import
            jobs,  # noqa: F401 - registers the job
            on_pages,
            operating,
        )
        from plugins.letters.in_packs import LETTERS
        from plugins.letters.in_reports import LETTER_COUNT
        from plugins.letters.pages import menu
        from plugins.letters.pages.searching import LETTER_HITS
        from plugins.letters.statement import Letters
        from reports.evidence.parts import parts
        from reports.extras import extras
        from statements.kinds import kinds
        from web.portal.shared.cards import cards
        from web.portal.shared.searching import search_kinds

        routing.pages.register("plugins.letters.pages.urls")
        routing.portal_api.register("plugins.letters.api")
        menu.register()
        for card in on_pages.CARDS:
            cards.register(card)
        search_kinds.register(LETTER_HITS)
        extras.register(LETTER_COUNT)
        parts.register(LETTERS)
        kinds.register(Letters())
        checks.register(operating.find_long_letters)
        metrics.register(operating.count_letters)

"""The plug-in for takedown notices: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Takedown notices: prepared, signed and sent, with what came back.

    Their tables have names that begin with ``reports``, the app that had them first.
    """

    name = "plugins.notices"
    label = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        """Register all of it."""
        from base.audit.expected import Expectation, expectations
        from base.common import routing
        from operations.earlier import took_over
        from plugins.notices import on_pages
        from plugins.notices.in_packs import NOTICES
        from plugins.notices.models import TakedownNotice
        from plugins.notices.pages import menu
        from plugins.notices.statement import TakedownNotices
        from reports.evidence.parts import parts
        from statements.kinds import kinds
        from web.portal.shared.cards import cards

        routing.pages.register("plugins.notices.pages.urls")
        routing.portal_api.register("plugins.notices.api")
        menu.register()
        for card in on_pages.CARDS:
            cards.register(card)
        expectations.register(
            Expectation(
                "a signed notice",
                lambda: TakedownNotice._base_manager.filter(signed_at__isnull=False),
            )
        )
        parts.register(NOTICES)
        kinds.register(TakedownNotices())
        for model in ("takedownnotice", "noticeitem", "noticeanswer"):
            took_over.register((f"reports.{model}", f"notices.{model}"))

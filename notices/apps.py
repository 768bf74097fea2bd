"""The notices app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Takedown notices; their tables have the app label ``reports``."""

    name = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        """Name notices in the evidence packs of matches, and follow their grounds."""
        from audit import standing
        from audit.expected import Expectation, expectations
        from audit.services import events_recorded
        from evidence import notices
        from notices import following
        from notices.in_packs import notices_about
        from notices.models import TakedownNotice
        from notices.selectors import stated_on

        expectations.register(
            Expectation(
                "a signed notice",
                lambda: TakedownNotice._base_manager.filter(signed_at__isnull=False),
            )
        )
        notices.finders.register(notices_about)
        standing.finders.register(stated_on)
        events_recorded.connect(following.note_events, dispatch_uid="notices.events")

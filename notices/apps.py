"""The notices app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Takedown notices; their tables have the app label ``reports``."""

    name = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        """Name notices in the evidence packs of matches, and register what they state."""
        from audit.expected import Expectation, expectations
        from evidence.parts import parts
        from notices.in_packs import NOTICES
        from notices.models import TakedownNotice
        from notices.statement import TakedownNotices
        from statements.kinds import kinds

        expectations.register(
            Expectation(
                "a signed notice",
                lambda: TakedownNotice._base_manager.filter(signed_at__isnull=False),
            )
        )
        parts.register(NOTICES)
        kinds.register(TakedownNotices())

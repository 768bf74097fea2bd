"""Configures what people and messages do with rights."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RightsConfig(AppConfig):
    """Applies claims, carries out actions, finds conflicts."""

    name = "rights"
    label = "rights_imports"
    verbose_name = _("Rights imports")

    def ready(self) -> None:
        """Register the jobs, the audit's words and what follows merged recordings."""
        from audit.words import words
        from dedup.following import followers
        from rights import jobs  # noqa: F401 - registers the kinds
        from rights.following import RightsFollower
        from rights.words import WORDS

        followers.register(RightsFollower())
        words.register(WORDS)

"""The programmes app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProgrammesConfig(AppConfig):
    """Episodes, uses of music, and earlier decisions in the same programme."""

    name = "review.programmes"
    verbose_name = _("Programmes")

    def ready(self) -> None:
        """Let uses of music follow matches that name another recording."""
        from review.programmes.services import UsesOfMusic
        from review.services.following import followers

        followers.register(("uses", UsesOfMusic()))

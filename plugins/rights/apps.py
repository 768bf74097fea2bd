"""The plug-in for rights: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RightsConfig(AppConfig):
    """Pages, actions, messages and conflicts of works, parties, shares and releases.

    Their records are those of ``catalogue.owners``, which has the label ``rights``.
    """

    name = "plugins.rights"
    label = "rights_imports"
    verbose_name = _("Imports of rights")

    def ready(self) -> None:
        """Register all of it."""
        from base.common import routing
        from dedup.following import followers
        from operations.earlier import took_over
        from plugins.rights import jobs, on_pages  # noqa: F401 - registers the jobs
        from plugins.rights.following import RightsFollower
        from plugins.rights.importing import kind as _kind  # noqa: F401 - registers it
        from plugins.rights.pages import menu
        from plugins.rights.pages.choices import CHOICES
        from plugins.rights.pages.searching import SEARCH_KINDS
        from web.portal.shared.cards import cards
        from web.portal.shared.choices import choice_kinds
        from web.portal.shared.searching import search_kinds

        routing.pages.register("plugins.rights.pages.urls")
        routing.portal_api.register("plugins.rights.api")
        menu.register()
        for card in on_pages.CARDS:
            cards.register(card)
        for kind in SEARCH_KINDS:
            search_kinds.register(kind)
        for choice in CHOICES:
            choice_kinds.register(choice)
        followers.register(RightsFollower())
        took_over.register(("imports.rightsimport", "rights_imports.rightsimport"))

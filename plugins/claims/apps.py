"""The plug-in for platform claims: what it adds to the portal."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClaimsConfig(AppConfig):
    """Claims that platforms report, and lists that compare them with the portal."""

    name = "plugins.claims"
    label = "platforms"  # Names the tables.
    verbose_name = _("Platform claims")

    def ready(self) -> None:
        """Register what it adds, and follow what the lists stand on."""
        from base.common import routing
        from operations.earlier import took_over
        from plugins.claims import jobs, menu, on_pages  # noqa: F401 - registers the jobs
        from plugins.claims.importing import kind as _reports  # noqa: F401 - as above
        from plugins.claims.importing.answers import kind as _answers  # noqa: F401
        from plugins.claims.in_packs import PLATFORM_CLAIMS
        from plugins.claims.in_reports import PLATFORM_CLAIM
        from plugins.claims.statement import ClaimFiles
        from reports.evidence.parts import parts
        from reports.extras import extras
        from statements.kinds import kinds
        from web.portal.shared.cards import cards

        routing.pages.register("plugins.claims.pages.urls")
        routing.portal_api.register("plugins.claims.api.urls")
        menu.register()
        for card in on_pages.CARDS:
            cards.register(card)
        extras.register(PLATFORM_CLAIM)
        parts.register(PLATFORM_CLAIMS)
        kinds.register(ClaimFiles())
        for name in ("claimsimport", "answersimport"):
            took_over.register((f"imports.{name}", f"platforms.{name}"))
        _follow_changes()


def _follow_changes() -> None:
    from base.audit.services import events_recorded
    from catalogue.signals import recording_ready, recordings_changed
    from plugins.claims import grounds
    from scanning.ending import scan_settled
    from scanning.results import scan_finished

    events_recorded.connect(grounds.note_events, dispatch_uid="claims.events")
    recordings_changed.connect(grounds.note_recordings, dispatch_uid="claims.recordings")
    recording_ready.connect(grounds.note_ready, dispatch_uid="claims.ready")
    for signal in (scan_finished, scan_settled):
        signal.connect(grounds.note_scan, dispatch_uid="claims.scans")

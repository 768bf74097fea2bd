"""Configures the review package and connects its signals."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReviewConfig(AppConfig):
    """Matches and decisions; folds what scans found."""

    name = "review"
    verbose_name = _("Review")

    def ready(self) -> None:
        """Connect to scan results, and register the regular work."""
        from base.accounts.kept_names import KeptName, kept_names
        from base.audit.expected import Expectation, expectations
        from catalogue.signals import recordings_changed
        from review import jobs  # noqa: F401
        from review.choices import DECIDED_STATES
        from review.models import Licence, Match, Policy
        from review.services import choosing, folding, grounds, regrouping, speech
        from review.services.transitions import matches_changed
        from review.timeline import figures
        from scanning.ending import scan_settled
        from scanning.results import scan_finished
        from scanning.services.filing import file_moved
        from scanning.sources.links import source_read
        from scanning.speech import speech_judged

        kept_names.register(KeptName(Match, "decided_by", "decided_by_name", "decisions"))
        expectations.register(
            Expectation(
                "a decided match", lambda: Match._base_manager.filter(state__in=DECIDED_STATES)
            )
        )
        # Migrations make some without an event, and nobody's.
        expectations.register(
            Expectation("a licence", lambda: Licence._base_manager.filter(created_by__isnull=False))
        )
        expectations.register(
            Expectation("a policy", lambda: Policy._base_manager.filter(changed_by__isnull=False))
        )
        scan_finished.connect(folding.note_result)
        scan_settled.connect(folding.note_end)
        recordings_changed.connect(grounds.note_recordings)
        recordings_changed.connect(choosing.note_recordings)
        recordings_changed.connect(regrouping.note_recordings)
        file_moved.connect(grounds.note_moved_file)
        source_read.connect(folding.keep_views)
        matches_changed.connect(figures.note_matches)
        speech_judged.connect(speech.note_judged)

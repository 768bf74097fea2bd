"""Reports that a new installation offers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from base.common.filters import ZONE
from base.common.zones import UTC
from reports.choices import FilesWithout, Format, Mode
from reports.extras import ReadyMade, columns_for
from reports.layouts import Layout, columns_here
from reports.models.schedule import Every
from reports.scheduling import Period, PeriodOf, in_period, period_before
from review.choices import DECIDED_STATES, MatchState

_PROGRAMME = ("programme", "series", "episode", "tags")


@dataclass(frozen=True, slots=True)
class Preset:
    """A named report with a description.

    ``week_of`` says which days of matches lie in the last week.
    """

    name: str | Promise
    about: str | Promise
    layout: Layout
    week_of: PeriodOf | None = None

    def period(self, zone: str) -> Period | None:
        """Return the last whole week of a time zone; None for a report of all days."""
        if self.week_of is None:
            return None
        return period_before(Every.WEEK, datetime.now(tz=ZoneInfo(zone)).date())

    def layout_in(self, zone: str) -> Layout:
        """Return the layout with the days of the last week in a time zone."""
        period = self.period(zone)
        if period is None or self.week_of is None:
            return self.layout
        layout = in_period(self.layout, period, self.week_of)
        named = {} if zone == UTC else {ZONE: zone}
        return replace(layout, filters={**layout.filters, **named})


def presets() -> tuple[Preset, ...]:
    """Return the reports, with those of their columns that this portal has."""
    return (
        Preset(
            _("Claims of the week"),
            _("confirmed, per segment"),
            Layout(
                mode=Mode.SEGMENT,
                format=Format.XLSX,
                filters={"state": [MatchState.CONFIRMED, MatchState.UPHELD]},
                files_without=FilesWithout.NONE,
                columns=columns_here(
                    Mode.SEGMENT,
                    (
                        *("match_id", "review_state", "source_name", "source_external_id"),
                        *("recording_id", "custom_id", "title", "artists", "isrc"),
                        *("source_start", "source_end", "reference_start", "reference_end"),
                        *("counted_ms", "edit", "case_url", *_PROGRAMME),
                        *("use", *columns_for(ReadyMade.CLAIMS), "source_territories"),
                        "lost",
                    ),
                ),
            ),
            week_of="decided",
        ),
        Preset(
            _("Music of the week"),
            _("decided as heard, per match, with its use"),
            Layout(
                format=Format.XLSX,
                filters={
                    "state": [state for state in DECIDED_STATES if state != MatchState.REJECTED]
                },
                files_without=FilesWithout.NONE,
                columns=columns_here(
                    Mode.MATCH,
                    (
                        *("match_id", "review_state", "source_name", "source_account"),
                        *("title", "artists", "label", "isrc", "iswc", "writers"),
                        *("publishers", "rights_share_pct", "licence_id", "matched_ms"),
                        *("segment_count", "first_start", "case_url", *_PROGRAMME),
                        *("use", "origin", "source_territories"),
                        *columns_for(ReadyMade.MUSIC),
                        "lost",
                    ),
                ),
            ),
            week_of="found",
        ),
        Preset(
            _("Files of the week"),
            _("found and open, per file"),
            Layout(
                mode=Mode.FILE,
                format=Format.XLSX,
                columns=columns_here(
                    Mode.FILE,
                    (
                        *("file_id", "match_found", "source_name", "source_account"),
                        *("source_duration_ms", "source_published_at", "container"),
                        *("match_count", "pending_count", "in_review_count"),
                        *("escalated_count", "confirmed_count", "cleared_count"),
                        *("rejected_count", "disputed_count", "matched_ms"),
                        *("source_coverage_pct", "unmatched_minutes", "worst_queue_reason"),
                        *("case_url", "notes", *_PROGRAMME, "source_territories"),
                        *columns_for(ReadyMade.FILES),
                    ),
                ),
            ),
            week_of="found",
        ),
        Preset(_("Everything"), _("all states, per match"), Layout()),
        Preset(
            _("Confirmed, unlicensed"),
            _("for claims, per segment"),
            Layout(
                mode=Mode.SEGMENT,
                filters={"state": [MatchState.CONFIRMED, MatchState.UPHELD]},
                files_without=FilesWithout.NONE,
            ),
        ),
        Preset(
            _("Files summary"), _("one row per file"), Layout(mode=Mode.FILE, format=Format.XLSX)
        ),
        Preset(
            _("Disputes"),
            _("due dates and answers"),
            Layout(
                filters={"state": [MatchState.DISPUTED, MatchState.UPHELD, MatchState.RELEASED]},
                files_without=FilesWithout.NONE,
                columns=(
                    "match_id",
                    "review_state",
                    "source_name",
                    "source_url",
                    "source_account",
                    "title",
                    "artists",
                    "isrc",
                    "matched_ms",
                    "decided_by",
                    "decided_at",
                    "dispute_status",
                    "dispute_due_at",
                    "case_url",
                    "notes",
                ),
            ),
        ),
    )

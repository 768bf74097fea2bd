"""Reports that a new installation offers."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.choices import FilesWithout, Format, Mode
from reports.layouts import Layout
from review.choices import MatchState


@dataclass(frozen=True, slots=True)
class Preset:
    """A named report with a description."""

    name: str | Promise
    about: str | Promise
    layout: Layout


PRESETS = (
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
        _("Files summary"),
        _("one row per file"),
        Layout(mode=Mode.FILE, format=Format.XLSX),
    ),
    Preset(
        _("Disputes"),
        _("due dates and answers"),
        Layout(
            filters={
                "state": [MatchState.DISPUTED, MatchState.UPHELD, MatchState.RELEASED]
            },
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

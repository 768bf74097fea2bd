"""Word, icon and pattern of every review state and file state."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class StateLook(NamedTuple):
    """How one state is shown: its word and its icon."""

    label: str | Promise
    icon: str


REVIEW_STATES: dict[str, StateLook] = {
    "pending": StateLook(_("Pending"), "clock"),
    "in_review": StateLook(_("In review"), "lock"),
    "escalated": StateLook(_("Escalated"), "flag"),
    "confirmed": StateLook(_("Confirmed"), "check"),
    "upheld": StateLook(_("Upheld"), "shield"),
    "cleared": StateLook(_("Cleared"), "hatch"),
    "rejected": StateLook(_("Rejected"), "cross"),
    "released": StateLook(_("Released"), "release"),
    "disputed": StateLook(_("Disputed"), "triangle"),
    "suppressed": StateLook(_("Suppressed"), "eye-off"),
    "superseded": StateLook(_("Superseded"), "layers"),
}

FILE_STATES: dict[str, StateLook] = {
    "waiting": StateLook(_("Waiting"), "clock"),
    "processing": StateLook(_("Scanning"), "wave"),
    "ready": StateLook(_("Ready"), "check"),
    "no_match": StateLook(_("No match"), "wave"),
    "needs_audio": StateLook(_("Needs audio"), "info"),
    "error": StateLook(_("Error"), "triangle"),
    "cancelled": StateLook(_("Cancelled"), "ban"),
}

# Patterns of the <defs> in the base template; a state without one is drawn by its class.
PATTERNED = frozenset(
    {"pending", "escalated", "cleared", "rejected", "released", "disputed"}
)
PATTERN_ALIASES = {"released": "rejected"}


def review_look(state: str) -> StateLook:
    """Return how a review state is shown; an unknown one shows its own name."""
    return REVIEW_STATES.get(
        state, StateLook(state.replace("_", " ").capitalize(), "info")
    )


def file_look(state: str) -> StateLook:
    """Return how a file state is shown; an unknown one shows its own name."""
    return FILE_STATES.get(
        state, StateLook(state.replace("_", " ").capitalize(), "info")
    )


def pattern_fill(state: str) -> str:
    """Return the SVG fill of a state's pattern, or nothing where a class draws it."""
    if state not in PATTERNED:
        return ""
    return f"url(#pat-{PATTERN_ALIASES.get(state, state)})"

"""Labels, icons and patterns of match states, file statuses and queue reasons."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from review.choices import MatchState, QueueReason
from review.timeline import Kind
from scanning.choices import FileStatus

_REASON_ICONS = {
    QueueReason.DEFAULT: "queue",
    QueueReason.SHORT: "clock",
    QueueReason.LOW_SCORE: "info",
    QueueReason.ALTERED: "speed",
    QueueReason.UNDER_SPEECH: "microphone",
    QueueReason.TWO_VERSIONS: "swap",
    QueueReason.TWO_CANDIDATES: "swap",
    QueueReason.SHARED_LOOP: "loop",
    QueueReason.METADATA_CONFLICT: "flag",
    QueueReason.RESCAN_CHANGED: "refresh",
    QueueReason.DECIDED_BOTH_WAYS: "swap",
    QueueReason.NAMES_ENTRY: "note",
    QueueReason.ENGINES_DISAGREE: "layers",
    QueueReason.FOUND_LATE: "star",
    QueueReason.REOPENED: "undo",
    QueueReason.BELOW_FLOOR: "ban",
    QueueReason.EXCLUDED: "scissors",
    QueueReason.LICENCE_PARTIAL: "policies",
    QueueReason.LICENCE_ENDED: "calendar",
    QueueReason.POLICY: "policies",
    QueueReason.SECOND_APPROVAL: "shield",
    QueueReason.DISPUTE: "triangle",
}


class StateLook(NamedTuple):
    """The label and icon of a state."""

    label: str | Promise
    icon: str


_REVIEW_ICONS = {
    MatchState.PENDING: "clock",
    MatchState.IN_REVIEW: "lock",
    MatchState.ESCALATED: "flag",
    MatchState.CONFIRMED: "check",
    MatchState.UPHELD: "shield",
    MatchState.CLEARED: "hatch",
    MatchState.REJECTED: "cross",
    MatchState.RELEASED: "release",
    MatchState.DISPUTED: "triangle",
    MatchState.SUPPRESSED: "eye-off",
}
_FILE_ICONS = {
    FileStatus.WAITING: "clock",
    FileStatus.PROCESSING: "wave",
    FileStatus.READY: "check",
    FileStatus.NO_MATCH: "wave",
    FileStatus.NEEDS_AUDIO: "info",
    FileStatus.ERROR: "triangle",
    FileStatus.CANCELLED: "ban",
}
REVIEW_STATES: dict[str, StateLook] = {
    state: StateLook(state.label, icon) for state, icon in _REVIEW_ICONS.items()
}
# Pictures also show kinds of a timeline that no state of a match has.
_REVIEW_LOOKS: dict[str, StateLook] = {
    **REVIEW_STATES,
    "excluded": StateLook(_("Excluded"), "scissors"),
    "entered": StateLook(Kind.ENTERED.label, "check"),
    "public_domain": StateLook(Kind.PUBLIC_DOMAIN.label, "ban"),
    "no_music": StateLook(Kind.NO_MUSIC.label, "check"),
    "unknown_item": StateLook(Kind.ITEM.label, "wave"),
    "silence": StateLook(Kind.SILENCE.label, "wave"),
    "not_scanned": StateLook(Kind.NOT_SCANNED.label, "triangle"),
    "not_decoded": StateLook(Kind.NOT_DECODED.label, "triangle"),
}
FILE_STATES: dict[str, StateLook] = {
    status: StateLook(status.label, icon) for status, icon in _FILE_ICONS.items()
}

# States with a pattern in <defs> of the base template; CSS classes draw the others.
PATTERNED = frozenset({"pending", "escalated", "cleared", "rejected", "released", "disputed"})
_PATTERNS = {
    **{state: state for state in PATTERNED},
    "released": "rejected",
    "public_domain": "rejected",
    "not_scanned": "not-scanned",
    "not_decoded": "not-scanned",
}


def review_look(state: str) -> StateLook:
    """Return the look of a match state; an unknown state gets a label from its name."""
    return _REVIEW_LOOKS.get(state, StateLook(state.replace("_", " ").capitalize(), "info"))


def file_look(state: str) -> StateLook:
    """Return the look of a file status; an unknown status gets a label from its name."""
    return FILE_STATES.get(state, StateLook(state.replace("_", " ").capitalize(), "info"))


def pattern_fill(state: str) -> str:
    """Return the SVG fill of a state's pattern; empty if a CSS class draws the state."""
    name = _PATTERNS.get(state)
    return f"url(#pat-{name})" if name else ""


def reason_icon(reason: str) -> str:
    """Return the icon of a queue reason."""
    return _REASON_ICONS.get(QueueReason(reason), "info")

"""Why a match waits for a person: an icon, and a sentence with its figures."""

from __future__ import annotations

from dataclasses import dataclass

from portal import formats
from review.choices import QueueReason
from review.models import Match
from scanning.models import Segment

ICONS = {
    QueueReason.DEFAULT: "queue",
    QueueReason.SHORT: "clock",
    QueueReason.LOW_SCORE: "info",
    QueueReason.ALTERED: "speed",
    QueueReason.UNDER_SPEECH: "microphone",
    QueueReason.TWO_CANDIDATES: "swap",
    QueueReason.SHARED_LOOP: "loop",
    QueueReason.METADATA_CONFLICT: "flag",
    QueueReason.RESCAN_CHANGED: "refresh",
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


@dataclass(frozen=True, slots=True)
class Why:
    """The reason as the card on the page says it."""

    icon: str
    label: str
    sentence: str


def reason_icon(reason: str) -> str:
    """Return the icon of a queue reason."""
    return ICONS.get(QueueReason(reason), "info")


def why_here(match: Match, play: Segment | None) -> Why:
    """Say why this match asks for a person."""
    return Why(
        icon=reason_icon(match.queue_reason),
        label=str(QueueReason(match.queue_reason).label),
        sentence=_sentence(match, play),
    )


def _sentence(match: Match, play: Segment | None) -> str:
    floor = match.scanned_file.container.score_floor
    length = formats.clock(match.matched_ms, digits=1)
    sentences = {
        QueueReason.DEFAULT: (
            f"A clear match of {length} that no policy decides. Nobody has looked at "
            "it yet."
        ),
        QueueReason.SHORT: (
            f"Only {length} are matched. Short uses are checked by ear."
        ),
        QueueReason.LOW_SCORE: (
            f"The score is close to the floor of {floor:.0f}. Listen before you decide."
        ),
        QueueReason.ALTERED: _altered(play),
        QueueReason.UNDER_SPEECH: (
            "Speech covers most of the matched time. Listen for the music under it."
        ),
        QueueReason.TWO_CANDIDATES: (
            "Another recording was found at the same place. Listen to which one it is; "
            "both can be right where they are mixed."
        ),
        QueueReason.SHARED_LOOP: (
            "A short stretch that repeats, or that several recordings have. Is it heard "
            "as ours? If it is nobody's, exclude it."
        ),
        QueueReason.METADATA_CONFLICT: (
            "The ISRC of the source is another one than the recording's, or two "
            "recordings share one. Compare the codes below."
        ),
        QueueReason.RESCAN_CHANGED: (
            "A rescan found it at other places or in another relation. The earlier "
            "decision does not hold for that."
        ),
        QueueReason.ENGINES_DISAGREE: (
            "The embedded engine and ACRCloud do not agree here: other times, or "
            "another recording. The file's page says how."
        ),
        QueueReason.FOUND_LATE: (
            "It was found only after the first scan: the recording or the engine is "
            "newer."
        ),
        QueueReason.REOPENED: (
            "A manager opened the decision again. The history says why."
        ),
        QueueReason.BELOW_FLOOR: f"The score is below the floor of {floor:.0f}.",
        QueueReason.EXCLUDED: "It lies in a stretch of the recording that is excluded.",
        QueueReason.POLICY: f"The policy {match.policy_name} asks for a person.",
        QueueReason.DISPUTE: "The other side objects to the claim.",
        QueueReason.SECOND_APPROVAL: (
            "It was confirmed, and a second person has to agree."
        ),
        QueueReason.LICENCE_PARTIAL: (
            "A licence covers part of this use only. See what it allows."
        ),
        QueueReason.LICENCE_ENDED: (
            "The licence that cleared it has ended, or covers it no longer."
        ),
    }
    return sentences[QueueReason(match.queue_reason)]


def _altered(play: Segment | None) -> str:
    if play is None or play.tempo_ratio is None:
        return "The source plays the recording at another speed or pitch."
    text = f"The source plays the recording at {formats.speed(float(play.tempo_ratio))}"
    if play.pitch_cents:
        text += f", {formats.cents(float(play.pitch_cents))}"
    return f"{text}. Compare both before you decide."

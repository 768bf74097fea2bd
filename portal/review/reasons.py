"""Why a match waits for a person: an icon, and a sentence with its figures."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue.models import Exclusion
from portal.shared import formats
from portal.shared.looks import reason_icon
from review.choices import MatchState, QueueReason
from review.models import Match
from scanning.models import Segment

_UNDECIDED = (MatchState.PENDING, MatchState.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class ShownReason:
    """The reason as the page's card shows it."""

    icon: str
    label: str
    sentence: str


def shown_reason(
    match: Match, play: Segment | None, proposal: Exclusion | None = None
) -> ShownReason:
    """Return why this match waits; a proposed exclusion goes before the queue reason."""
    if proposal is not None:
        sentence = " ".join(filter(None, (proposal_sentence(proposal), proposal.note)))
        return ShownReason("scissors", "Exclusion proposed", sentence)
    return ShownReason(
        icon=reason_icon(match.queue_reason),
        label=str(QueueReason(match.queue_reason).label),
        sentence=_sentence(match, play),
    )


def proposal_sentence(proposal: Exclusion) -> str:
    """Return a sentence with the proposal's author, interval and reason."""
    who = proposal.created_by.get_username() if proposal.created_by else "–"
    start, end = (
        formats.clock(at, digits=1) for at in (proposal.start_ms, proposal.end_ms)
    )
    why = str(proposal.get_reason_display())
    return f"{who} proposes to exclude {start} – {end} of the recording: {why}."


def _sentence(match: Match, play: Segment | None) -> str:
    floor = match.scanned_file.container.score_floor
    length = formats.clock(match.matched_ms, digits=1)
    sentences = {
        QueueReason.DEFAULT: (
            f"A clear match of {length} that no policy decides."
            f"{' Nobody has decided it yet.' if match.state in _UNDECIDED else ''}"
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
            "A short interval that repeats, or that several recordings share. Is this "
            "use ours? If nobody owns it, exclude it."
        ),
        QueueReason.METADATA_CONFLICT: (
            "The ISRC of the source differs from the recording's, or two recordings "
            "share one. Compare the codes below."
        ),
        QueueReason.RESCAN_CHANGED: (
            "A rescan found different intervals or another relation, so the earlier "
            "decision no longer applies."
        ),
        QueueReason.ENGINES_DISAGREE: (
            "The embedded engine and ACRCloud disagree about the times or the "
            "recording. The file's page compares them."
        ),
        QueueReason.FOUND_LATE: (
            "It was found only after the first scan: the recording or the engine is "
            "newer."
        ),
        QueueReason.REOPENED: (
            "A manager opened the decision again. The history says why."
        ),
        QueueReason.BELOW_FLOOR: f"The score is below the floor of {floor:.0f}.",
        QueueReason.EXCLUDED: "It lies in an excluded interval of the recording.",
        QueueReason.POLICY: f"The policy {match.policy_name} asks for a person.",
        QueueReason.DISPUTE: "The other side objects to the claim.",
        QueueReason.SECOND_APPROVAL: _second_approval(match),
        QueueReason.LICENCE_PARTIAL: (
            "A licence covers part of this use only. See what it allows."
        ),
        QueueReason.LICENCE_ENDED: (
            "The licence that cleared it has ended or no longer covers this use."
        ),
    }
    return sentences[QueueReason(match.queue_reason)]


def _second_approval(match: Match) -> str:
    if match.state != MatchState.ESCALATED:
        return "A confirmation needs a second person."
    if match.decided_by_name:
        return (
            f"{match.decided_by_name} confirmed it, and a second person has to agree."
        )
    return (
        f"The policy {match.policy_name} proposes to confirm it, and a manager has to "
        "agree, but not the person who applied or wrote the policy."
    )


def _altered(play: Segment | None) -> str:
    if play is None or play.tempo_ratio is None:
        return "The source plays the recording at another speed or pitch."
    text = f"The source plays the recording at {formats.speed(float(play.tempo_ratio))}"
    if play.pitch_cents:
        text += f", {formats.cents(float(play.pitch_cents))}"
    return f"{text}. Compare both before you decide."

"""Why a match waits for a person: an icon, a sentence with its figures, a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.accounts.deciders import Decider
from base.accounts.models import User
from base.accounts.roles import Action
from base.common.reading import read_clock
from catalogue.models import Exclusion, Recording
from review import approval, rule_names
from review.choices import WAITING_STATES, MatchState, PolicyAction, QueueReason
from review.edits import Edit, edit_in_words, tempo_of
from review.models import Match
from web.portal.pictures.ribbon import Box, box
from web.portal.pictures.waveform import WavePaths, Window, load_waveform, wave_paths
from web.portal.review.queue import Queue
from web.portal.shared import playback
from web.portal.shared.appearance import reason_icon

FROM_QUEUE = "queue"

_WAVE_POINTS = 600
_UNDECIDED = (MatchState.PENDING, MatchState.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class ShownReason:
    """The reason as the page's card shows it."""

    icon: str
    label: str
    sentence: str
    heading: str


def shown_reason(match: Match, proposal: Exclusion | None = None) -> ShownReason:
    """Return why this match waits; a proposed exclusion goes before the queue reason."""
    if proposal is not None:
        sentence = " ".join(filter(None, (proposal_sentence(proposal), proposal.note)))
        label = _("Exclusion proposed")
        return ShownReason("scissors", label, sentence, _heading(match, label))
    icon = reason_icon(match.queue_reason)
    if outcome := _outcome_of_policy(match):
        label = _("Decided by a policy")
        return ShownReason(icon, label, outcome, label)
    label = str(QueueReason(match.queue_reason).label)
    return ShownReason(icon, label, _sentence(match), _heading(match, label))


def _heading(match: Match, label: str) -> str:
    if match.state in (*WAITING_STATES, MatchState.DISPUTED):
        return _("Here because: %(reason)s") % {"reason": label}
    return _("Was here because: %(reason)s") % {"reason": label}


def _outcome_of_policy(match: Match) -> str:
    """Return what the policy did if it decided the match, or an empty text."""
    if match.queue_reason != QueueReason.POLICY:
        return ""
    outcome = _OUTCOMES.get((match.policy_action, match.state))
    return str(outcome) % {"policy_name": rule_names.policy_of(match)} if outcome else ""


def proposal_sentence(proposal: Exclusion) -> str:
    """Return a sentence with the proposal's author, interval and reason."""
    author = proposal.created_by.get_username() if proposal.created_by else "–"
    start, end = (read_clock(at, digits=1) for at in (proposal.start_ms, proposal.end_ms))
    why = str(proposal.get_reason_display())
    return _("%(who)s proposes to exclude %(start)s – %(end)s of the recording: %(why)s.") % {
        "who": author,
        "start": start,
        "end": end,
        "why": why,
    }


_OUTCOMES: Mapping[tuple[str, str], str | Promise] = {
    (PolicyAction.CONFIRM, MatchState.CONFIRMED): gettext_lazy(
        "The policy %(policy_name)s confirmed it."
    ),
    (PolicyAction.SUPPRESS, MatchState.SUPPRESSED): gettext_lazy(
        "The policy %(policy_name)s suppressed it."
    ),
}

_SENTENCES: Mapping[str, str | Promise] = {
    QueueReason.DEFAULT: gettext_lazy("A clear match of %(length)s that no policy decides."),
    QueueReason.SHORT: gettext_lazy("Only %(length)s are matched. Check short uses by ear."),
    QueueReason.LOW_SCORE: gettext_lazy(
        "The score is close to the floor of %(floor)s. Listen before you decide."
    ),
    QueueReason.UNDER_SPEECH: gettext_lazy(
        "Speech covers most of the matched time. Listen for the music under it."
    ),
    QueueReason.TWO_VERSIONS: gettext_lazy(
        "Two versions of the recording fit equally. Say which one it is; no rule confirms "
        "or clears it before."
    ),
    QueueReason.TWO_CANDIDATES: gettext_lazy(
        "Another recording was found at the same place. Listen to decide which one "
        "it is; both can be right if they are mixed."
    ),
    QueueReason.SHARED_LOOP: gettext_lazy(
        "A short interval that repeats, or that several recordings share. Is this "
        "use ours? If nobody owns it, exclude it."
    ),
    QueueReason.METADATA_CONFLICT: gettext_lazy(
        "The ISRC of the source differs from the recording's, or two recordings "
        "share one. Compare the codes below."
    ),
    QueueReason.RESCAN_CHANGED: gettext_lazy(
        "A rescan found other intervals, another relation or figures that the policy "
        "does not accept, so the earlier decision no longer applies."
    ),
    QueueReason.DECIDED_BOTH_WAYS: gettext_lazy(
        "Two recordings were merged whose matches in this file were decided "
        "differently. The earlier decisions are listed below; one of them holds."
    ),
    QueueReason.NAMES_ENTRY: gettext_lazy(
        "Somebody entered a cue in the same seconds. Either the match takes its place, "
        "or the cue stays and the match is rejected."
    ),
    QueueReason.ENGINES_DISAGREE: gettext_lazy(
        "The embedded engine and ACRCloud disagree about the times or the "
        "recording. The file's page compares them."
    ),
    QueueReason.FOUND_LATE: gettext_lazy(
        "It was found after the first scan, because the recording or the engine is newer."
    ),
    QueueReason.REOPENED: gettext_lazy(
        "A manager opened the decision again. The history says why."
    ),
    QueueReason.BELOW_FLOOR: gettext_lazy("The score is below the floor of %(floor)s."),
    QueueReason.EXCLUDED: gettext_lazy("It lies in an excluded interval of the recording."),
    QueueReason.POLICY: gettext_lazy("The policy %(policy_name)s sends it to a person."),
    QueueReason.DISPUTE: gettext_lazy("The other side objects to the claim."),
    QueueReason.LICENCE_PARTIAL: gettext_lazy(
        "A licence for this recording does not cover all of this use. See what it allows."
    ),
    QueueReason.LICENCE_ENDED: gettext_lazy(
        "The licence that cleared it has ended or no longer covers this use."
    ),
}


def _sentence(match: Match) -> str:
    reason = match.queue_reason
    if reason == QueueReason.ALTERED:
        return _altered(match)
    if reason == QueueReason.SECOND_APPROVAL:
        return _second_approval(match)
    sentence = str(_SENTENCES[reason])
    if reason == QueueReason.DEFAULT and match.state in _UNDECIDED:
        sentence = _(
            "A clear match of %(length)s that no policy decides. Nobody has decided it yet."
        )
    if reason == QueueReason.DISPUTE and match.state != MatchState.DISPUTED:
        sentence = _("The other side objected to the claim.")
    return sentence % {
        "length": read_clock(match.matched_ms, digits=1),
        "floor": f"{match.scanned_file.container.score_floor:.0f}",
        "policy_name": rule_names.policy_of(match),
    }


def _second_approval(match: Match) -> str:
    if match.state != MatchState.ESCALATED:
        return _("A confirmation needs a second person.")
    name = {"decided_by_name": match.decided_by_name}
    if match.decider == Decider.PROGRAM:
        return _("A program confirmed it as %(decided_by_name)s; a person has to agree.") % name
    if match.decided_by_name:
        return _("%(decided_by_name)s confirmed it, and a second person has to agree.") % name
    return _(
        "The policy %(policy_name)s proposes to confirm it. A manager must agree, "
        "but not the person who applied or wrote the policy."
    ) % {"policy_name": rule_names.policy_of(match)}


def _altered(match: Match) -> str:
    change = edit_in_words(match.edit, tempo_of(match.speed_pct), match.pitch_cents)
    if not change or match.edit in (Edit.IN_PART, Edit.SEVERAL):
        return _("The source plays the recording at another speed or pitch.")
    return _(
        "The source plays the recording edited: %(change)s. Compare both before you decide."
    ) % {"change": change}


@dataclass(frozen=True)
class Proposed:
    """A proposal with its links; ``why_not`` is why this user may not answer it."""

    exclusion: Exclusion
    recording: Recording
    sentence: str
    url: str
    audio_url: str
    why_not: str

    # Only pages that play the sound draw these; a page may show the proposal twice.

    @cached_property
    def wave(self) -> WavePaths | None:
        """Return the waveform of the recording."""
        return wave_paths(load_waveform(self.recording), points=_WAVE_POINTS)

    @cached_property
    def interval(self) -> Box:
        """Return the place of the interval in the waveform."""
        whole = Window(0, self.recording.duration_ms)
        return box(self.exclusion.start_ms, self.exclusion.end_ms, whole)


def proposed(*, exclusion: Exclusion, match: Match, queue: Queue, leads: str = "") -> Proposed:
    """Return the proposal as the page of a match shows it.

    ``leads`` is ``FROM_QUEUE`` to return to the queue after an answer.
    """
    address = reverse("portal:match_proposal", args=[match.uid, exclusion.uid])
    return Proposed(
        exclusion=exclusion,
        recording=match.recording,
        sentence=proposal_sentence(exclusion),
        url=f"{address}{queue.query(leads=leads)}",
        audio_url=playback.audio_url(match.recording),
        why_not=_why_not(exclusion, match, queue.user),
    )


def _why_not(exclusion: Exclusion, match: Match, user: User) -> str:
    if not user.has_perm(Action.EDIT_CATALOGUE):
        return _("A manager decides it.")
    if exclusion.created_by_id == user.pk and not approval.may_approve_own(user):
        return _("You proposed this. Another manager must decide.")
    if match.state not in WAITING_STATES:
        return _("This match is decided. Answer the proposal on the recording's page.")
    return ""

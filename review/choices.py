"""States, reasons and relations of matches, and the allowed transitions.

``TRANSITIONS`` lists every possible move; ``review.decisions.verbs`` says who may make it
and what it needs.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class MatchState(models.TextChoices):
    """The position of a match between detection and decision."""

    PENDING = "pending", _("Pending")
    IN_REVIEW = "in_review", _("In review")
    ESCALATED = "escalated", _("Escalated")
    CONFIRMED = "confirmed", _("Confirmed")
    CLEARED = "cleared", _("Cleared")
    REJECTED = "rejected", _("Rejected")
    SUPPRESSED = "suppressed", _("Suppressed")
    DISPUTED = "disputed", _("Disputed")
    UPHELD = "upheld", _("Upheld")
    RELEASED = "released", pgettext_lazy("state", "Released")


class Relation(models.TextChoices):
    """How the two sounds relate; the first kind that fits."""

    ALTERED = "altered", _("Altered")
    IDENTICAL_AUDIO = "identical_audio", _("Identical audio")
    LOOP = "loop", _("Loop")
    SAME_RECORDING = "same_recording", _("Same recording")
    EXCERPT = "excerpt", _("Excerpt")
    SIMILAR_WORK = "similar_work", _("Similar work")


class RejectCode(models.TextChoices):
    """Why a match is wrong or not ours."""

    WRONG_RECORDING = "wrong_recording", _("Wrong recording")
    NOT_OUR_RECORDING = "not_our_recording", _("Not our recording")
    SHARED_LOOP = "shared_loop", _("Shared loop")
    PUBLIC_DOMAIN = "public_domain", _("Public domain")
    COVER_NOT_OURS = "cover_not_ours", _("Cover, not ours")
    NOISE = "noise", _("Noise")
    OTHER = "other", _("Other, say what")


# Decision reason of a match cleared without a licence; the note says why.
STATED_REASON = "stated_reason"


# Decision reason of a match cleared by a licence; ``Match.licence`` names it.
BY_LICENCE = "licence"


class LicenceScope(models.TextChoices):
    """The recordings a licence is for."""

    ALL = "all", _("All recordings")
    BUCKET = "bucket", _("Buckets")
    LABEL = "label", _("Labels")
    RECORDINGS = "recordings", _("Recordings")


class UseKind(models.TextChoices):
    """How a licence recognises the uses it allows."""

    ANY = "any", _("Any use")
    ACCOUNT = "account", _("Accounts")
    URL_PREFIX = "url_prefix", _("Addresses that begin with")
    PROGRAMME = "programme", _("Programmes")
    EXTERNAL_ID = "external_id", _("External ids")


class EditedUses(models.TextChoices):
    """Which uses at another speed or pitch a licence covers."""

    COVERED = "covered", _("Edited uses too")
    WITHIN = "within", _("Edits up to a limit")
    NOT_COVERED = "not_covered", _("Not when edited")


class OnExpiry(models.TextChoices):
    """What happens to cleared matches when their licence ends."""

    REOPEN = "reopen", _("Reopen its matches")
    KEEP = "keep", _("Keep uses in the period cleared")


class PolicyAction(models.TextChoices):
    """What a policy may do with a match; it never gives one up."""

    REVIEW = "review", _("Ask a reviewer")
    CONFIRM = "confirm", _("Confirm")
    ESCALATE = "escalate", _("Ask a manager")
    SUPPRESS = "suppress", _("Suppress")


class VersionChoice(models.TextChoices):
    """Whether people said which of several equal versions a match names."""

    OPEN = "open", _("Nobody has chosen")
    CHOSEN = "chosen", pgettext_lazy("version", "Chosen")
    ANSWERED = "answered", _("One stands for both")


class Verb(models.TextChoices):
    """Decisions that a person can make; also the names of their events."""

    CONFIRM = "confirm", _("Confirm")
    CLEAR = "clear", _("Clear")
    REJECT = "reject", _("Reject")
    CHOOSE = "choose_version", _("Switch the version")
    ESCALATE = "escalate", _("Escalate")
    REOPEN = "reopen", _("Reopen")
    UNDO = "undo", _("Undo")
    EXCLUDE = "exclude", _("Exclude an interval")
    DISPUTE = "dispute", _("Record a dispute")
    UPHOLD = "uphold", _("Uphold the claim")
    WITHDRAW = "withdraw_dispute", _("Mark as withdrawn")
    RELEASE = "release_claim", _("Release the claim")


CLAIM_VERBS = (Verb.DISPUTE, Verb.UPHOLD, Verb.WITHDRAW, Verb.RELEASE)
"""Verbs for confirmed matches."""


class ProposalVerb(models.TextChoices):
    """A manager's answers to a proposed exclusion; also the names of the events."""

    APPROVE = "approve_exclusion", _("Approve the exclusion")
    REFUSE = "refuse_exclusion", _("Refuse the exclusion")


class DisputeCode(models.TextChoices):
    """The other side's grounds for a dispute."""

    LICENSED = "licensed", _("The use is licensed")
    OWN_CONTENT = "own_content", _("It is their own content")
    PUBLIC_DOMAIN = "public_domain", _("Public domain")
    EXCEPTION = "exception", _("An exception: quotation, fair use")
    MISIDENTIFIED = "misidentified", _("It is not this recording")
    SHARED_LOOP = "shared_loop", _("Shared loop or sample")
    WRONG_OWNER = "wrong_owner", _("It belongs to somebody else")
    OTHER = "other", _("Other (say what)")


class DisputeStatus(models.TextChoices):
    """The status of a dispute."""

    OPEN = "open", pgettext_lazy("state", "Open")
    UPHELD = "upheld", _("Claim upheld")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    RELEASED = "released", _("Claim released")
    UNDONE = "undone", _("Recorded by mistake")


class QueueReason(models.TextChoices):
    """Why a match waits for a person."""

    DEFAULT = "default", _("New match")
    SHORT = "short", _("Short use")
    LOW_SCORE = "low_score", _("Low score")
    ALTERED = "altered", _("Altered")
    UNDER_SPEECH = "under_speech", _("Under speech")
    TWO_VERSIONS = "two_versions", _("Two versions")
    TWO_CANDIDATES = "two_candidates", _("Two candidates")
    SHARED_LOOP = "shared_loop", _("Shared loop")
    METADATA_CONFLICT = "metadata_conflict", _("ISRC conflict")
    RESCAN_CHANGED = "rescan_changed", _("Changed by a rescan")
    DECIDED_BOTH_WAYS = "decided_both_ways", _("Decided both ways")
    NAMES_ENTRY = "names_entry", _("Names an entered cue")
    ENGINES_DISAGREE = "engines_disagree", _("Engines disagree")
    FOUND_LATE = "found_late", _("Found late")
    REOPENED = "reopened", _("Reopened")
    BELOW_FLOOR = "below_floor", _("Below the floor")
    EXCLUDED = "excluded", _("Excluded interval")
    LICENCE_PARTIAL = "licence_partial", _("Partly licensed")
    LICENCE_ENDED = "licence_ended", _("Licence ended")
    POLICY = "policy", _("Sent by a policy")
    SECOND_APPROVAL = "second_approval", _("Second approval")
    DISPUTE = "dispute", _("Disputed")


_OPEN_DECISIONS = frozenset({MatchState.CONFIRMED, MatchState.CLEARED, MatchState.REJECTED})

TRANSITIONS: dict[MatchState, frozenset[MatchState]] = {
    MatchState.PENDING: _OPEN_DECISIONS
    | {MatchState.IN_REVIEW, MatchState.ESCALATED, MatchState.SUPPRESSED},
    MatchState.IN_REVIEW: _OPEN_DECISIONS | {MatchState.PENDING, MatchState.ESCALATED},
    MatchState.ESCALATED: _OPEN_DECISIONS | {MatchState.PENDING, MatchState.SUPPRESSED},
    MatchState.CONFIRMED: frozenset(
        {
            MatchState.SUPPRESSED,
            MatchState.CLEARED,
            MatchState.DISPUTED,
            MatchState.RELEASED,
            MatchState.PENDING,
        }
    ),
    MatchState.CLEARED: frozenset({MatchState.SUPPRESSED, MatchState.PENDING}),
    MatchState.REJECTED: frozenset({MatchState.PENDING}),
    MatchState.SUPPRESSED: frozenset({MatchState.PENDING}),
    MatchState.DISPUTED: frozenset({MatchState.UPHELD, MatchState.RELEASED}),
    MatchState.UPHELD: frozenset({MatchState.CLEARED, MatchState.DISPUTED, MatchState.RELEASED}),
    MatchState.RELEASED: frozenset({MatchState.PENDING}),
}
"""Forward moves. Undo (back to the state before) comes in addition."""

POLICY_ENDED = "policy_ended"
"""The event that takes back what a policy alone confirmed.

What rules read of the match has changed, and they do not confirm it any more. People's
confirmations stay.
"""

MORE_COUNTS = "more_counts"
"""The event that takes back a decision because an exclusion ended.

More of a confirmed match counts than when a person confirmed it, or something is left of
one that was rejected because nothing was.
"""

ONLY_BY = {(MatchState.CONFIRMED, MatchState.PENDING): frozenset({POLICY_ENDED, MORE_COUNTS})}
"""Moves of ``TRANSITIONS`` that only these events may make."""

WAITING_STATES = (MatchState.PENDING, MatchState.IN_REVIEW, MatchState.ESCALATED)

QUESTIONS = {
    QueueReason.NAMES_ENTRY: frozenset(WAITING_STATES),
    QueueReason.TWO_VERSIONS: frozenset({*WAITING_STATES, MatchState.SUPPRESSED}),
}
"""Questions that only people answer, each about one match alone.

Until then, rules may bring the match only to the states that stand with its question.
"""
DECIDED_STATES = (
    MatchState.CONFIRMED,
    MatchState.CLEARED,
    MatchState.REJECTED,
    MatchState.DISPUTED,
    MatchState.UPHELD,
    MatchState.RELEASED,
)

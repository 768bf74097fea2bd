"""States, reasons and relations of matches, and the allowed transitions.

``TRANSITIONS`` lists every possible move; ``review.decisions.verbs`` says who may make it
and what it needs.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


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
    RELEASED = "released", _("Released")
    SUPERSEDED = "superseded", _("Superseded")


class Relation(models.TextChoices):
    """How the two sounds relate; the first kind that fits."""

    ALTERED = "altered", "Altered"
    IDENTICAL_AUDIO = "identical_audio", "Identical audio"
    LOOP = "loop", "Loop"
    SAME_RECORDING = "same_recording", "Same recording"
    EXCERPT = "excerpt", "Excerpt"
    SIMILAR_WORK = "similar_work", "Similar work"


class RejectCode(models.TextChoices):
    """Why a match is wrong or not ours."""

    WRONG_RECORDING = "wrong_recording", "Wrong recording"
    NOT_OUR_RECORDING = "not_our_recording", "Not our recording"
    SHARED_LOOP = "shared_loop", "Shared loop"
    PUBLIC_DOMAIN = "public_domain", "Public domain"
    COVER_NOT_OURS = "cover_not_ours", "Cover, not ours"
    NOISE = "noise", "Noise"
    OTHER = "other", "Other, say what"


# Decision reason of a match cleared without a licence; the note says why.
STATED_REASON = "stated_reason"


# Decision reason of a match cleared by a licence; ``Match.licence`` names it.
BY_LICENCE = "licence"


class LicenceScope(models.TextChoices):
    """The recordings a licence is for."""

    ALL = "all", "All recordings"
    BUCKET = "bucket", "Buckets"
    LABEL = "label", "Labels"
    RECORDINGS = "recordings", "Recordings"


class UseKind(models.TextChoices):
    """How a licence recognises the uses it allows."""

    ANY = "any", "Any use"
    ACCOUNT = "account", "Accounts"
    URL_PREFIX = "url_prefix", "Addresses that begin with"
    PROGRAMME = "programme", "Programmes"
    EXTERNAL_ID = "external_id", "External ids"


class OnExpiry(models.TextChoices):
    """What happens to cleared matches when their licence ends."""

    REOPEN = "reopen", "Reopen its matches"
    KEEP = "keep", "Keep uses in the period cleared"


class PolicyAction(models.TextChoices):
    """What a policy may do with a match; it never gives one up."""

    REVIEW = "review", "Ask a reviewer"
    CONFIRM = "confirm", "Confirm"
    ESCALATE = "escalate", "Ask a manager"
    SUPPRESS = "suppress", "Suppress"


class Verb(models.TextChoices):
    """Decisions that a person can make; also the names of their events."""

    CONFIRM = "confirm", "Confirm"
    CLEAR = "clear", "Clear"
    REJECT = "reject", "Reject"
    ESCALATE = "escalate", "Escalate"
    REOPEN = "reopen", "Reopen"
    UNDO = "undo", "Undo"
    EXCLUDE = "exclude", "Exclude an interval"
    DISPUTE = "dispute", "Record a dispute"
    UPHOLD = "uphold", "Uphold the claim"
    WITHDRAW = "withdraw_dispute", "Mark as withdrawn"
    RELEASE = "release_claim", "Release the claim"


CLAIM_VERBS = (Verb.DISPUTE, Verb.UPHOLD, Verb.WITHDRAW, Verb.RELEASE)
"""Verbs for confirmed matches."""


class ProposalVerb(models.TextChoices):
    """A manager's answers to a proposed exclusion; also the names of the events."""

    APPROVE = "approve_exclusion", "Approve the exclusion"
    REFUSE = "refuse_exclusion", "Refuse the exclusion"


class DisputeCode(models.TextChoices):
    """The other side's grounds for a dispute."""

    LICENSED = "licensed", "The use is licensed"
    OWN_CONTENT = "own_content", "It is their own content"
    PUBLIC_DOMAIN = "public_domain", "Public domain"
    EXCEPTION = "exception", "An exception: quotation, fair use"
    MISIDENTIFIED = "misidentified", "It is not this recording"
    SHARED_LOOP = "shared_loop", "Shared loop or sample"
    WRONG_OWNER = "wrong_owner", "It belongs to somebody else"
    OTHER = "other", "Other (say what)"


class DisputeStatus(models.TextChoices):
    """The status of a dispute."""

    OPEN = "open", "Open"
    UPHELD = "upheld", "Claim upheld"
    WITHDRAWN = "withdrawn", "Withdrawn"
    RELEASED = "released", "Claim released"
    UNDONE = "undone", "Recorded by mistake"


class QueueReason(models.TextChoices):
    """Why a match waits for a person."""

    DEFAULT = "default", "New match"
    SHORT = "short", "Short use"
    LOW_SCORE = "low_score", "Low score"
    ALTERED = "altered", "Altered"
    UNDER_SPEECH = "under_speech", "Under speech"
    TWO_CANDIDATES = "two_candidates", "Two candidates"
    SHARED_LOOP = "shared_loop", "Shared loop"
    METADATA_CONFLICT = "metadata_conflict", "ISRC conflict"
    RESCAN_CHANGED = "rescan_changed", "Changed by a rescan"
    ENGINES_DISAGREE = "engines_disagree", "Engines disagree"
    FOUND_LATE = "found_late", "Found late"
    REOPENED = "reopened", "Reopened"
    BELOW_FLOOR = "below_floor", "Below the floor"
    EXCLUDED = "excluded", "Excluded interval"
    LICENCE_PARTIAL = "licence_partial", "Partly licensed"
    LICENCE_ENDED = "licence_ended", "Licence ended"
    POLICY = "policy", "Sent by a policy"
    SECOND_APPROVAL = "second_approval", "Second approval"
    DISPUTE = "dispute", "Disputed"


_OPEN_DECISIONS = frozenset(
    {MatchState.CONFIRMED, MatchState.CLEARED, MatchState.REJECTED}
)

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
        }
    ),
    MatchState.CLEARED: frozenset({MatchState.SUPPRESSED, MatchState.PENDING}),
    MatchState.REJECTED: frozenset({MatchState.PENDING}),
    MatchState.SUPPRESSED: frozenset({MatchState.PENDING}),
    MatchState.DISPUTED: frozenset({MatchState.UPHELD, MatchState.RELEASED}),
    MatchState.UPHELD: frozenset(
        {MatchState.CLEARED, MatchState.DISPUTED, MatchState.RELEASED}
    ),
    MatchState.RELEASED: frozenset({MatchState.PENDING}),
    MatchState.SUPERSEDED: frozenset(),
}
"""Forward moves. Undo (back to the state before) and ``superseded`` (by a later scan,
from any state) come in addition; see ``review.services``."""

WAITING_STATES = (MatchState.PENDING, MatchState.IN_REVIEW, MatchState.ESCALATED)
DECIDED_STATES = (
    MatchState.CONFIRMED,
    MatchState.CLEARED,
    MatchState.REJECTED,
    MatchState.DISPUTED,
    MatchState.UPHELD,
    MatchState.RELEASED,
)

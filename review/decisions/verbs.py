"""The table of verbs: from which state, by whom, and with which fields each is possible.

Pages, admin, API and bulk decisions build their forms and words from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import TextChoices

from accounts.models import User
from accounts.roles import Action
from review import errors
from review.choices import (
    WAITING_STATES,
    DisputeCode,
    MatchState,
    RejectCode,
    Verb,
)
from review.models import Licence
from review.services import transitions

_CLAIMS = (MatchState.CONFIRMED, MatchState.UPHELD)
_DISPUTES = (
    "Your role may look at matches, not record disputes.",
    "Only a confirmed match can be disputed.",
)
_ANSWERS = (
    "Only a manager may answer a dispute or release a claim.",
    "This match is {state}, so this answer is not possible.",
)
_ANSWER_MISSING = "Give the reason, as the other side will read it."


@dataclass(frozen=True, slots=True)
class Decision:
    """A verb with the values that its ``VerbRule`` asks for."""

    verb: Verb
    code: str = ""
    note: str = ""
    licence: Licence | None = None
    received_at: datetime | None = None
    """When a dispute arrived; None for now."""
    interval: tuple[int, int] | None = None
    """Start and end in ms of the recording, to exclude."""
    also: Collection[str] = ()
    """The uids of decided matches that the exclusion suppresses too."""


@dataclass(frozen=True, slots=True)
class VerbRule:
    """What one verb needs, and its words.

    An empty ``note_missing`` makes the note optional; a licence replaces the note.
    ``wrong_state`` may name the match's ``{state}``.
    """

    verb: Verb
    done: str
    """Follows "3 matches are"."""
    starts: Collection[MatchState] = WAITING_STATES
    wrong_state: str = "This match is already {state}. Reload to see the decision."
    action: Action = Action.DECIDE
    not_allowed: str = "Your role may look at matches, not decide them."
    has_note: bool = True
    note_label: str = "Note"
    note_missing: str = ""
    codes: type[TextChoices] | None = None
    code_label: str = ""
    code_missing: str = ""
    other_missing: str = ""
    """The error of the code ``other`` without a note."""
    takes_licence: bool = False
    takes_date: bool = False

    @property
    def label(self) -> str:
        """Return the text of the verb's button."""
        return str(self.verb.label)

    def check(self, decision: Decision, user: User) -> None:
        """Raise if the user's role or the decision's own values do not allow it."""
        transitions.require(user, self.action, why=self.not_allowed)
        self.check_values(decision)

    def check_values(self, decision: Decision) -> None:
        """Raise if a code or note is missing, unknown or too long."""
        note = decision.note.strip()
        if self.codes is not None:
            if decision.code not in self.codes.values:
                raise errors.ReasonMissing(self.code_missing, field="code")
            if decision.code == "other" and self.other_missing and not note:
                raise errors.ReasonMissing(self.other_missing)
        if self.note_missing and not note and decision.licence is None:
            raise errors.ReasonMissing(self.note_missing)
        transitions.check_note(note)


_ALL_RULES = (
    VerbRule(Verb.CONFIRM, done="confirmed"),
    VerbRule(
        Verb.CLEAR,
        done="cleared",
        note_label="Why the use is allowed",
        note_missing="Say why the use is allowed, or choose a licence.",
        takes_licence=True,
    ),
    VerbRule(
        Verb.REJECT,
        done="rejected",
        codes=RejectCode,
        code_label="Why it is rejected",
        code_missing="Choose why the match is rejected.",
        other_missing="Say in the note why the match is rejected.",
    ),
    VerbRule(
        Verb.EXCLUDE,
        done="decided with an exclusion",
        not_allowed="Your role may look at recordings, not propose exclusions.",
    ),
    VerbRule(
        Verb.ESCALATE,
        done="escalated",
        note_label="What the manager should look at",
        note_missing="Say what the manager should look at.",
    ),
    VerbRule(
        Verb.REOPEN,
        done="reopened",
        starts=(MatchState.REJECTED, MatchState.RELEASED, MatchState.ESCALATED),
        wrong_state=(
            "This match is {state}; only rejected, released and escalated matches can "
            "be reopened."
        ),
        action=Action.APPROVE,
        not_allowed="Only a manager may reopen a decision.",
        note_label="Reason to reopen",
        note_missing="Say why the match is reopened.",
    ),
    VerbRule(
        Verb.DISPUTE,
        done="disputed",
        starts=_CLAIMS,
        not_allowed=_DISPUTES[0],
        wrong_state=_DISPUTES[1],
        note_label="Their statement",
        codes=DisputeCode,
        code_label="Grounds of the dispute",
        code_missing="Choose the grounds of the dispute.",
        other_missing="Say what the other side objects to.",
        takes_date=True,
    ),
    VerbRule(
        Verb.UPHOLD,
        done="upheld",
        starts=(MatchState.DISPUTED,),
        action=Action.APPROVE,
        not_allowed=_ANSWERS[0],
        wrong_state=_ANSWERS[1],
        note_label="The answer, as the other side will read it",
        note_missing=_ANSWER_MISSING,
    ),
    VerbRule(
        Verb.WITHDRAW,
        done="upheld",
        starts=(MatchState.DISPUTED,),
        action=Action.APPROVE,
        not_allowed=_ANSWERS[0],
        wrong_state=_ANSWERS[1],
        note_label="How it was withdrawn",
        note_missing=_ANSWER_MISSING,
    ),
    VerbRule(
        Verb.RELEASE,
        done="released",
        starts=(*_CLAIMS, MatchState.DISPUTED),
        action=Action.APPROVE,
        not_allowed=_ANSWERS[0],
        wrong_state=_ANSWERS[1],
        note_label="Why the claim is given up",
        note_missing=_ANSWER_MISSING,
    ),
    VerbRule(
        Verb.UNDO,
        done="back in the queue",
        # The last event says whether there is a decision to undo.
        starts=tuple(MatchState),
        has_note=False,
    ),
)
RULES: dict[str, VerbRule] = {rule.verb: rule for rule in _ALL_RULES}
"""All verbs, in the order of the buttons."""

"""The table of verbs, and the changes that decisions make to a match.

For each verb the table says from which states, by whom and with which fields it is
possible. Pages, admin, API and bulk decisions build their forms and words from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.phrases import lowered
from catalogue.models import Recording
from review import approval, coverage, errors, rule_names
from review.choices import (
    BY_LICENCE,
    STATED_REASON,
    WAITING_STATES,
    DisputeCode,
    MatchState,
    QueueReason,
    RejectCode,
    Verb,
    VersionChoice,
)
from review.models import Licence, Match
from review.services import transitions
from review.services.transitions import Change

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PROPOSE = "propose"
"""The event of a confirmation that waits for a second approval."""
_ENDS = {
    Verb.CONFIRM: MatchState.CONFIRMED,
    Verb.CLEAR: MatchState.CLEARED,
    Verb.REJECT: MatchState.REJECTED,
    Verb.ESCALATE: MatchState.ESCALATED,
}

_CLAIMS = (MatchState.CONFIRMED, MatchState.UPHELD)
_DISPUTES = (
    _("Your role may view matches but not record disputes."),
    _("Only a confirmed match can be disputed."),
)
_ANSWERS = (
    _("Only a manager may answer a dispute or release a claim."),
    _("This match is {state}, so this answer is not possible."),
)
_ANSWER_MISSING = _("Give the reason, as the other side will read it.")


_DECIDED = _("This match is already {state}. Reload to see the decision.")
_ONLY_LOOKS = _("Your role may view matches but not decide them.")
_NOTE = _("Note")


@dataclass(frozen=True, slots=True)
class Decision:
    """A verb with the values that its ``VerbRule`` asks for."""

    verb: Verb
    code: str = ""
    note: str = ""
    licence: Licence | None = None
    received_at: datetime | None = None
    """When a dispute arrived; None for now."""
    recording: Recording | None = None
    """The version that the match names from now on; None for the next best one."""
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
    done: _StrPromise
    """"3 matches confirmed", for ``count_words``."""
    starts: Collection[MatchState] = WAITING_STATES
    wrong_state: str | Promise = _DECIDED
    action: Action = Action.DECIDE
    not_allowed: str | Promise = _ONLY_LOOKS
    has_note: bool = True
    note_label: str | Promise = _NOTE
    note_missing: str | Promise = ""
    codes: type[TextChoices] | None = None
    code_label: str | Promise = ""
    code_missing: str | Promise = ""
    other_missing: str | Promise = ""
    """The error of the code ``other`` without a note."""
    takes_licence: bool = False
    takes_date: bool = False

    @property
    def label(self) -> str | Promise:
        """Return the text of the verb's button."""
        return self.verb.label

    def check(self, decision: Decision, user: User) -> None:
        """Raise if the user's role or the decision's own values do not allow it."""
        transitions.require(user, self.action, why=self.not_allowed)
        self.check_values(decision)

    def check_values(self, decision: Decision) -> None:
        """Raise if a code or note is missing, unknown or too long."""
        note = decision.note.strip()
        if self.codes is not None:
            if decision.code not in self.codes.values:
                raise errors.ReasonMissing(str(self.code_missing), field="code")
            if decision.code == "other" and self.other_missing and not note:
                raise errors.ReasonMissing(str(self.other_missing))
        if self.note_missing and not note and decision.licence is None:
            raise errors.ReasonMissing(str(self.note_missing))
        transitions.check_note(note)


_ALL_RULES = (
    VerbRule(
        Verb.CONFIRM,
        done=ngettext_lazy("%(shown)s match confirmed", "%(shown)s matches confirmed", "count"),
    ),
    VerbRule(
        Verb.CLEAR,
        done=ngettext_lazy("%(shown)s match cleared", "%(shown)s matches cleared", "count"),
        note_label=_("Why the use is allowed"),
        note_missing=_("Say why the use is allowed, or choose a licence."),
        takes_licence=True,
    ),
    VerbRule(
        Verb.REJECT,
        done=ngettext_lazy("%(shown)s match rejected", "%(shown)s matches rejected", "count"),
        codes=RejectCode,
        code_label=_("Why it is rejected"),
        code_missing=_("Choose why the match is rejected."),
        other_missing=_("Say in the note why the match is rejected."),
    ),
    VerbRule(
        Verb.CHOOSE,
        done=ngettext_lazy(
            "version of %(shown)s match switched", "versions of %(shown)s matches switched", "count"
        ),
        has_note=False,
    ),
    VerbRule(
        Verb.EXCLUDE,
        done=ngettext_lazy(
            "%(shown)s match decided with an exclusion",
            "%(shown)s matches decided with an exclusion",
            "count",
        ),
        not_allowed=_("Your role may view recordings but not propose exclusions."),
    ),
    VerbRule(
        Verb.ESCALATE,
        done=ngettext_lazy("%(shown)s match escalated", "%(shown)s matches escalated", "count"),
        note_label=_("What the manager should look at"),
        note_missing=_("Say what the manager should look at."),
    ),
    VerbRule(
        Verb.REOPEN,
        done=ngettext_lazy("%(shown)s match reopened", "%(shown)s matches reopened", "count"),
        starts=(MatchState.CLEARED, MatchState.REJECTED, MatchState.RELEASED, MatchState.ESCALATED),
        wrong_state=(
            _(
                "This match is {state}; only cleared, rejected, released and escalated "
                "matches can be reopened."
            )
        ),
        action=Action.APPROVE,
        not_allowed=_("Only a manager may reopen a decision."),
        note_label=_("Reason to reopen"),
        note_missing=_("Say why the match is reopened."),
    ),
    VerbRule(
        Verb.DISPUTE,
        done=ngettext_lazy("%(shown)s match disputed", "%(shown)s matches disputed", "count"),
        starts=_CLAIMS,
        not_allowed=_DISPUTES[0],
        wrong_state=_DISPUTES[1],
        note_label=_("Their statement"),
        codes=DisputeCode,
        code_label=_("Grounds of the dispute"),
        code_missing=_("Choose the grounds of the dispute."),
        other_missing=_("Say what the other side objects to."),
        takes_date=True,
    ),
    VerbRule(
        Verb.UPHOLD,
        done=ngettext_lazy("%(shown)s match upheld", "%(shown)s matches upheld", "count"),
        starts=(MatchState.DISPUTED,),
        action=Action.APPROVE,
        not_allowed=_ANSWERS[0],
        wrong_state=_ANSWERS[1],
        note_label=_("The answer, as the other side will read it"),
        note_missing=_ANSWER_MISSING,
    ),
    VerbRule(
        Verb.WITHDRAW,
        done=ngettext_lazy("%(shown)s match upheld", "%(shown)s matches upheld", "count"),
        starts=(MatchState.DISPUTED,),
        action=Action.APPROVE,
        not_allowed=_ANSWERS[0],
        wrong_state=_ANSWERS[1],
        note_label=_("How it was withdrawn"),
        note_missing=_ANSWER_MISSING,
    ),
    VerbRule(
        Verb.RELEASE,
        done=ngettext_lazy("%(shown)s match released", "%(shown)s matches released", "count"),
        starts=(*_CLAIMS, MatchState.DISPUTED),
        action=Action.APPROVE,
        not_allowed=_ANSWERS[0],
        wrong_state=_ANSWERS[1],
        note_label=_("Why the claim is given up"),
        note_missing=_ANSWER_MISSING,
    ),
    VerbRule(
        Verb.UNDO,
        done=ngettext_lazy(
            "%(shown)s match is back in the queue",
            "%(shown)s matches are back in the queue",
            "count",
        ),
        # The last event says whether there is a decision to undo.
        starts=tuple(MatchState),
        has_note=False,
    ),
)
RULES: dict[str, VerbRule] = {rule.verb: rule for rule in _ALL_RULES}
"""All verbs, in the order of the buttons."""


def change_of(decision: Decision) -> Change:
    """Return the change that confirms, clears, rejects or escalates a match."""
    change = Change(
        decision.verb,
        _ENDS[decision.verb],
        reason=decision.code if decision.verb == Verb.REJECT else "",
        note=decision.note.strip(),
    )
    if decision.verb != Verb.CLEAR:
        return change
    licence = decision.licence
    return replace(
        change,
        fields={"licence_id": licence.pk if licence else None},
        reason=BY_LICENCE if licence else STATED_REASON,
    )


def refuse_foreign_licence(
    match: Match, licence: Licence, in_force: coverage.LicencesInForce
) -> None:
    """Raise ``NotPossible`` if the licence does not cover the use at all.

    A person may choose a licence that covers the use only in part.
    """
    check = coverage.check_one(licence, match, in_force)
    if check is None or check.cover == coverage.Cover.NONE:
        why = check.why if check else gettext("It covers other recordings, or is not in force.")
        raise errors.NotPossible(
            gettext(
                "%(number)s does not cover this use. %(why)s Choose "
                "another licence or state a reason."
            )
            % {"number": licence.number, "why": why}
        )


def refuse_state(match: Match, verb: Verb) -> None:
    """Raise ``NotPossible`` if the verb is not for matches in this state."""
    if match.state not in RULES[verb].starts:
        state = lowered(match.get_state_display())
        raise errors.NotPossible(str(RULES[verb].wrong_state).format(state=state))


def completed(current: Match, user: User, change: Change, *, at: datetime) -> Change:
    """Return a waiting match's change with all columns that a decision writes.

    Raise if this person may not make this decision. ``current`` is locked.
    """
    transitions.refuse_foreign_lock(match=current, user=user)
    if current.state not in WAITING_STATES:
        refuse_state(current, Verb.CONFIRM)
    own = False
    if current.state == MatchState.ESCALATED:
        transitions.require(
            user, Action.APPROVE, why=gettext("This match was escalated; a manager decides.")
        )
        own = refuse_own_proposal(current, user)
    elif change.to == MatchState.CONFIRMED and current.needs_approval:
        change = _proposal(change)
    fields: dict[str, object] = {
        "licence_id": None,
        "proposed": "",
        "proposed_by": user if change.to == MatchState.ESCALATED else None,
        **change.fields,
        **transitions.decided_by(user, at=at),
        "decision_reason": change.reason,
    }
    if change.note:
        fields["note"] = change.note
    if current.has_open_versions and change.action != Verb.ESCALATE:
        # Who decides a match alone sees both versions.
        fields["version_choice"] = VersionChoice.CHOSEN
    details = {**change.details}
    if own:
        details["own_proposal"] = True
    if not _can_be_heard(current):
        details["decided_without_audio"] = True
    return replace(change, fields=fields, details=details)


def reopened(current: Match, user: User, decision: Decision) -> Change:
    """Return the change that puts a match back into the queue."""
    refuse_state(current, Verb.REOPEN)
    refuse_own_proposal(current, user)
    note = decision.note.strip()
    fields = {
        **transitions.UNDECIDED,
        "queue_reason": QueueReason.REOPENED.value,
        "licence_id": None,
        "proposed": "",
        "proposed_by": None,
        "note": note,
    }
    return Change(Verb.REOPEN, MatchState.PENDING, fields=fields, note=note)


def refuse_own_proposal(match: Match, user: User) -> bool:
    """Raise unless another person proposed it; return whether this rule was waived.

    A policy proposes on behalf of the person who applied it, or else who wrote it. No
    program answers a proposal.
    """
    if match.state != MatchState.ESCALATED:
        return False
    if why := approval.why_no_second_person(user):
        raise errors.NotAllowed(why)
    if match.proposed_by_id != user.pk:
        return False
    if approval.may_approve_own(user):
        return True
    if match.decided_by_id == user.pk:
        raise errors.NotAllowed(
            gettext("You escalated this match, so another manager must decide it.")
        )
    raise errors.NotAllowed(
        gettext(
            "The policy %(policy_name)s proposed this, and you applied "
            "or wrote it. Ask another manager to decide it."
        )
        % {"policy_name": rule_names.policy_of(match)}
    )


def _can_be_heard(match: Match) -> bool:
    """Return whether both sides have audio, so that a person could compare them."""
    file, recording = match.scanned_file, match.recording
    is_kept = file.deleted_at is None and bool(file.media or file.proxy)
    return is_kept and bool(recording.audio or recording.proxy)


def _proposal(change: Change) -> Change:
    """Return the confirmation as a proposal for a second approval."""
    fields: dict[str, object] = {
        "proposed": Verb.CONFIRM,
        "queue_reason": QueueReason.SECOND_APPROVAL,
    }
    return replace(change, action=PROPOSE, to=MatchState.ESCALATED, fields=fields)

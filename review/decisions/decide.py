"""Makes a person's decision about one match or many.

Pages, bulk pages, admin and API all enter here. Policies and licences decide through
``review.services.transitions``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.models import Event
from catalogue.models import Recording
from review import approval, errors
from review.choices import CLAIM_VERBS, MatchState, RejectCode, Verb
from review.coverage import LicencesInForce
from review.decisions import disputes, exclude, undo, verbs
from review.decisions.verbs import RULES, Decision, VerbRule
from review.models import Match
from review.services import applications, choosing, questions, transitions
from review.services.questions import StatedSeconds
from review.services.transitions import Change
from review.versions import candidates_of

REVIEWER_LIMIT = 50
MANAGER_LIMIT = 500
_ANSWERS = (Verb.CONFIRM, Verb.CLEAR, Verb.REJECT)
# A rejected match in the public domain is heard, too.
_STANDS = (MatchState.CONFIRMED, MatchState.CLEARED, RejectCode.PUBLIC_DOMAIN)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A match that stayed unchanged, and why."""

    match: Match
    error: errors.ReviewError

    @property
    def message(self) -> str:
        """Return the cause for people."""
        return self.error.message


@dataclass(frozen=True, slots=True)
class Decided:
    """The matches that changed and those that did not."""

    done: list[Match] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def decision_limit(user: User) -> int:
    """Return how many matches the user may decide at once."""
    return MANAGER_LIMIT if user.has_perm(Action.APPROVE) else REVIEWER_LIMIT


def decide_one(*, match: Match, version: int, decision: Decision, user: User) -> Match:
    """Decide a match that has the ``version`` which the user saw, or raise the refusal."""
    outcome = _decide({match.uid: version}, decision, user, alone=True)
    for refusal in outcome.refused:
        raise refusal.error
    return outcome.done[0]


def decide(*, versions: Mapping[str, int], decision: Decision, user: User) -> Decided:
    """Decide matches; ``versions`` maps their uids to the versions that the user saw.

    Raise ``BulkLimit``, or the error that refuses the decision as such (role, code,
    note), before writing anything. Other refusals are reported per match.
    """
    return _decide(versions, decision, user, alone=False)


@transaction.atomic
def _decide(versions: Mapping[str, int], decision: Decision, user: User, *, alone: bool) -> Decided:
    RULES[decision.verb].check(decision, user)
    limit = decision_limit(user)
    if len(versions) > limit:
        raise errors.BulkLimit(limit=limit)
    answers = decision.verb in _ANSWERS
    statements = questions.lock_files(versions) if answers else StatedSeconds([])
    # Locked in key order, so that two decisions about many matches cannot deadlock.
    rows = list(transitions.locked_rows().filter(uid__in=versions))
    deciding = _Deciding(decision, user, rows, statements)
    outcome = Decided()
    moves: list[tuple[Match, Change]] = []
    further: list[Match] = []
    for match in rows:
        try:
            transitions.refuse_stale(match=match, version=versions[match.uid], user=user)
            if not alone:
                _refuse_open_versions(match, decision.verb)
                deciding.refuse_question(match)
            if deciding.reaches_further(match):
                further.append(match)
            else:
                moves.append((match, deciding.change(match)))
        except errors.ReviewError as refused:
            outcome.refused.append(Refusal(match, refused))
    if moves:
        outcome.done.extend(transitions.apply_all(moves, actor=user))
    for match in further:
        try:
            outcome.done.append(deciding.carry_out(match, versions[match.uid]))
        except errors.ReviewError as refused:
            outcome.refused.append(Refusal(match, refused))
    outcome.done.sort(key=attrgetter("pk"))
    return outcome


def _refuse_open_versions(match: Match, verb: Verb) -> None:
    """Raise if a decision about many matches would choose between two versions."""
    if match.has_open_versions and verb in _ANSWERS:
        raise errors.NotPossible(
            _(
                "Another version fits %(title)s equally, and nobody has chosen one. Open "
                "this match and choose the version first."
            )
            % {"title": match.recording.full_title}
        )


class _Deciding:
    """One decision about locked matches; licences and events are read once for all."""

    def __init__(
        self, decision: Decision, user: User, rows: Sequence[Match], statements: StatedSeconds
    ) -> None:
        self.decision, self.user = decision, user
        self._rows = rows
        self._asking = statements.asking(rows)
        self._at = datetime.now(tz=UTC)

    def reaches_further(self, match: Match) -> bool:
        """Return whether the decision writes other rows, so that it is made alone."""
        verb = self.decision.verb
        if verb == Verb.UNDO:
            event = self._event(match)
            return undo.reaches_further(match, event, self._asides[match.case])
        asks = match.pk in self._asking
        return asks or verb in (Verb.EXCLUDE, Verb.CHOOSE) or verb in CLAIM_VERBS

    def refuse_question(self, match: Match) -> None:
        """Raise ``NotPossible`` if a decision about many would answer a question."""
        if match.pk in self._asking:
            raise errors.NotPossible(_("It asks a question: open it, and answer it alone."))

    def change(self, match: Match) -> Change:
        """Return the change of a match whose decision writes nothing else, or raise."""
        decision, user = self.decision, self.user
        if decision.verb == Verb.UNDO:
            return undo.undone(
                match,
                self._event(match),
                user,
                before=self._formers[match.case],
                asides=self._asides[match.case],
            )
        if decision.verb == Verb.REOPEN:
            return verbs.reopened(match, user, decision)
        if decision.licence is not None:
            verbs.refuse_foreign_licence(match, decision.licence, self._licences)
        return verbs.completed(match, user, verbs.change_of(decision), at=self._at)

    @transaction.atomic
    def carry_out(self, match: Match, version: int) -> Match:
        """Decide a match and write the other rows; or raise, having written nothing."""
        decision, user = self.decision, self.user
        # Read again, because the decision before may have changed this match too.
        current = transitions.locked_row(match=match, version=version, user=user)
        if decision.verb == Verb.UNDO:
            return undo.undo(current, user)
        if decision.verb == Verb.CHOOSE:
            return choosing.choose(current, decision.recording or _best_alternative(current), user)
        if decision.verb == Verb.EXCLUDE:
            return exclude.exclude_part(current, decision, user)
        if decision.verb == Verb.DISPUTE:
            return disputes.record(current, decision, user)
        if decision.verb in _ANSWERS:
            return self._answered(current)
        return disputes.answer(current, decision, user)

    def _answered(self, current: Match) -> Match:
        """Decide a match; what people said of its seconds gives way if it stands."""
        change = self.change(current)
        if change.to in _STANDS or change.reason in _STANDS:
            change = questions.give_way(current, change, self.user)
        return transitions.apply(current=current, change=change, actor=self.user)

    def _event(self, match: Match) -> Event:
        return undo.undoable(self._events.get(match.case))

    @cached_property
    def _events(self) -> dict[str, Event]:
        return transitions.last_events(self._rows)

    @cached_property
    def _formers(self) -> dict[str, dict[str, object]]:
        return applications.formers(self._events.values())

    @cached_property
    def _asides(self) -> dict[str, set[str]]:
        return transitions.asides_since(self._events.values())

    @cached_property
    def _licences(self) -> LicencesInForce:
        return LicencesInForce()


def _best_alternative(match: Match) -> Recording:
    """Return the version that a switch leads to: the best of the others."""
    candidates = candidates_of(match)
    if not candidates:
        raise errors.NotPossible(_("No other version fits this match equally."))
    return candidates[0].recording


def allowed_verbs(*, match: Match, user: User) -> dict[str, VerbRule]:
    """Return the verbs that the user may apply now, in the order of the buttons.

    A match may refuse some of them still, for example an exclusion without sound.
    """
    if transitions.is_held_by_another(match=match, user=user):
        return {}
    allowed = {
        verb: rule
        for verb, rule in RULES.items()
        if user.has_perm(rule.action) and _is_open_to(match, rule, user)
    }
    if Verb.CHOOSE in allowed and (match.proposed or not candidates_of(match)):
        del allowed[Verb.CHOOSE]
    event = transitions.last_event(match) if Verb.UNDO in allowed else None
    if event is None or not undo.may_undo(event=event, user=user):
        allowed.pop(Verb.UNDO, None)
    return allowed


def _is_open_to(match: Match, rule: VerbRule, user: User) -> bool:
    """Return whether the match's state and proposer allow the verb to this user."""
    if match.state == MatchState.ESCALATED and rule.verb != Verb.UNDO:
        own = match.proposed_by_id == user.pk and not approval.may_approve_own(user)
        if own or rule.verb == Verb.ESCALATE or not user.has_perm(Action.APPROVE):
            return False
    return match.state in rule.starts

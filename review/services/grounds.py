"""Evaluates matches again when what policies and licences read of them has changed.

A match that waits, or that a policy or licence alone settled, is treated as a new one.
People's decisions stay; an event says what the rules would say now.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Q, QuerySet

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.services import SYSTEM, record
from base.jobs.context import JobContext
from base.jobs.services import submit
from review import match_events
from review.choices import QUESTIONS, LicenceScope, MatchState, QueueReason
from review.coverage import LicencesInForce
from review.jobs import FOLLOW_CONTAINER
from review.models import Licence, Match
from review.services import evaluation, licences
from review.services.evaluation import OPEN_STATES, Evaluation, is_of_a_policy_alone
from review.services.questions import StatedSeconds
from review.services.treatments import treat
from review.subjects import Subject
from scanning.models import Container, ScannedFile

Former = Callable[[Subject], Subject]
"""Returns a subject as it was before the change."""

_AT_ONCE = 500
# Reasons that do not follow from the match alone.
_OF_RULES = {QueueReason.LICENCE_PARTIAL, *QUESTIONS}
# Columns of a recording that rules read: the policies' condition, the licences' scope.
_OF_RECORDINGS = {
    "bucket_id": ("buckets", LicenceScope.BUCKET),
    "label": ("labels", LicenceScope.LABEL),
}


@dataclass(frozen=True, slots=True)
class Followed:
    """How many matches licences gave back, and how many the rules now see otherwise."""

    reopened: int = 0
    evaluated: int = 0


def follow_file(*, scanned_file: ScannedFile, before: ScannedFile, actor: User | str) -> Followed:
    """Evaluate the matches of a file whose details differ from those ``before``."""
    return _follow(
        Q(scanned_file=scanned_file),
        actor=actor,
        former=lambda subject: replace(subject, file=before),
    )


def follow_recordings(*, before: Mapping[int, Mapping[str, object]], user: User | None) -> Followed:
    """Evaluate the matches of recordings; ``before`` has their former columns, by key.

    A licence that comes to cover a recording clears nothing here: as when its terms are
    widened, its preview offers these matches.
    """

    def former(subject: Subject) -> Subject:
        recording = copy.copy(subject.recording)
        for name, value in before[recording.pk].items():
            setattr(recording, name, value)
        return replace(subject, recording=recording)

    return _follow(Q(recording__in=before), actor=user or SYSTEM, former=former, clears=False)


def note_recordings(
    *, before: Mapping[int, Mapping[str, object]], user: User | None, **_signal: object
) -> None:
    """Follow changes of recordings that policies or licences read."""
    names = _OF_RECORDINGS.keys() & {name for values in before.values() for name in values}
    # Imports change many recordings, and few installations have rules by label.
    with working_for(None):
        read = {name for name in names if _is_read(*_OF_RECORDINGS[name])}
    if read:
        former = {
            key: {name: columns[name] for name in read & columns.keys()}
            for key, columns in before.items()
        }
        follow_recordings(before=former, user=user)


def _is_read(condition: str, scope: LicenceScope) -> bool:
    """Return whether an enabled policy or a licence in force reads a column."""
    in_force = Licence.objects.filter(active=True, withdrawn_at__isnull=True)
    return in_force.filter(scope=scope).exists() or any(
        condition in policy.conditions.get("sets", {}) for policy in evaluation.rules_in_force()
    )


def note_container(container: Container) -> None:
    """Ask for the work that a container's new territory means for its matches."""
    submit(FOLLOW_CONTAINER, container)


def run(context: JobContext) -> None:
    """Evaluate the matches of a container; a job that was stopped begins again."""
    with working_for(None):
        rows = Match.objects.filter(scanned_file__container=context.subject)
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(keys), _AT_ONCE):
        _follow(Q(pk__in=keys[first : first + _AT_ONCE]), actor=SYSTEM)
        context.report(first / len(keys))


def note_moved_file(*, scanned_file: ScannedFile, **_signal: object) -> None:
    """Evaluate the matches of a file that another container may have put elsewhere."""
    _follow(Q(scanned_file=scanned_file), actor=SYSTEM)


def again(*, matches: Iterable[Match], actor: User | str) -> Followed:
    """Evaluate matches whose figures changed, or that an undo brought back."""
    return _follow(Q(pk__in=[match.pk for match in matches]), actor=actor)


@transaction.atomic
def _follow(
    about: Q, *, actor: User | str, former: Former | None = None, clears: bool = True
) -> Followed:
    reopened = evaluated = 0
    # Rules act on all matches, also on those that the person may not see.
    with working_for(None):
        live = Match.objects.filter(about, scanned_file__deleted_at__isnull=True)
        keys = list(live.order_by("pk").values_list("pk", flat=True))
        if not keys:
            return Followed()
        look = _Look(actor, former, clears=clears)
        for first in range(0, len(keys), _AT_ONCE):
            rows = Match.objects.filter(pk__in=keys[first : first + _AT_ONCE])
            reopened += licences.reopen_uncovered(rows)
            evaluated += look.over(rows)
    return Followed(reopened, evaluated)


class _Look:
    """One look at many matches; policies and licences are read once for all."""

    def __init__(self, actor: User | str, former: Former | None, *, clears: bool) -> None:
        self._actor, self._former, self._clears = actor, former, clears
        self._policies = evaluation.rules_in_force()
        self._licences = LicencesInForce()
        self._statements = StatedSeconds([])

    def over(self, rows: QuerySet[Match]) -> int:
        """Treat the matches that rules decide; return how many changed."""
        related = rows.select_related("recording", "scanned_file__container", "scan")
        matches = list(related.order_by("pk"))
        self._statements = StatedSeconds({match.scanned_file_id for match in matches})
        return sum(self._at(match) for match in matches)

    def _at(self, match: Match) -> bool:
        if match.state in OPEN_STATES or is_of_a_policy_alone(match):
            return self._treated(match)
        if match.state != MatchState.SUPPRESSED:
            self._note(match)
        return False

    def _treated(self, match: Match) -> bool:
        outcome = self._evaluated(Subject.of(match))
        if outcome.state == MatchState.CLEARED and not self._clears:
            outcome = Evaluation(MatchState.PENDING, outcome.queue_reason)
        if outcome.state == MatchState.PENDING and match.state in OPEN_STATES:
            outcome = evaluation.keeping_reason(outcome, match)
        if not _says_otherwise(outcome, match) or evaluation.needs_person(outcome, match):
            return False
        return treat(match=match, outcome=outcome, user=self._actor)

    def _note(self, match: Match) -> None:
        """Record that rules would say something else than before of a decided match."""
        if self._former is None:
            return
        subject = Subject.of(match)
        before, now = (
            _ground(self._evaluated(compared)) for compared in (self._former(subject), subject)
        )
        if before != now:
            record(
                case=match.case,
                action=match_events.GROUND,
                actor=self._actor,
                before=before,
                after=now,
            )

    def _evaluated(self, subject: Subject) -> Evaluation:
        return evaluation.evaluate(
            subject=subject,
            policies=self._policies,
            licences=self._licences,
            statements=self._statements,
            is_new=False,
        )


def _says_otherwise(outcome: Evaluation, match: Match) -> bool:
    """Return whether the rules say something else of the match than before."""
    state = MatchState.PENDING if match.state in OPEN_STATES else match.state
    if outcome.state != state:
        return True
    if state in (MatchState.SUPPRESSED, MatchState.CONFIRMED):
        return False
    reasons = {outcome.queue_reason, match.queue_reason}
    return outcome.policy_name != match.policy_name or (
        len(reasons) > 1 and not reasons.isdisjoint(_OF_RULES)
    )


def _ground(outcome: Evaluation) -> dict[str, object]:
    """Return what rules say of a match, for an event."""
    licence = outcome.licence
    return {
        "policy": outcome.policy_name,
        "licence": licence.number if licence is not None else "",
        "would_be": outcome.state.value,
    }

"""The last decision of a person about the same recording in the same programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Q

from base.audit.models import Event
from review.choices import MatchState, RejectCode, Verb
from review.models import Licence, Match
from review.programmes.models import Episode

_VERBS: Final[Mapping[str, Verb]] = {
    MatchState.CONFIRMED: Verb.CONFIRM,
    MatchState.CLEARED: Verb.CLEAR,
    MatchState.REJECTED: Verb.REJECT,
}


class Shared(StrEnum):
    """What two files share, the closest first."""

    PROGRAMME = "programme"
    SERIES = "series"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier decision that can be made again with its own reason."""

    match: Match
    verb: Verb
    shared: Shared
    code: str = ""
    licence: Licence | None = None
    note: str = ""
    """What was written with the decision; later notes are no part of its reason."""


def precedent_of(match: Match) -> Precedent | None:
    """Return the closest earlier decision that a person made; None without one.

    A decision that needs a reason which nobody wrote down is no precedent.
    """
    conditions = _conditions(match)
    if not conditions:
        return None
    earlier = (
        Match.objects.filter(
            Match.by_people(),
            recording_id=match.recording_id,
            state__in=list(_VERBS),
            scanned_file__deleted_at__isnull=True,
        )
        .exclude(pk=match.pk)
        .order_by("-decided_at")
        .select_related("recording", "scanned_file", "licence")
    )
    for shared, condition in conditions.items():
        earlier_match = earlier.filter(condition).first()
        if earlier_match is not None:
            return _precedent(earlier_match, shared)
    return None


def _conditions(match: Match) -> dict[Shared, Q]:
    file = match.scanned_file
    conditions = {}
    if file.programme:
        conditions[Shared.PROGRAMME] = Q(scanned_file__programme__iexact=file.programme)
    series = Episode.objects.filter(scanned_file=file).values_list("series", flat=True).first()
    if series:
        conditions[Shared.SERIES] = Q(scanned_file__episode__series__iexact=series)
    if file.account:
        conditions[Shared.ACCOUNT] = Q(scanned_file__account__iexact=file.account)
    return conditions


def _precedent(earlier: Match, shared: Shared) -> Precedent | None:
    verb = _VERBS[earlier.state]
    code = earlier.decision_reason if verb == Verb.REJECT else ""
    note = _note_of_decision(earlier, verb)
    if verb == Verb.CLEAR and earlier.licence is None and not note:
        return None
    lacks_reason = code == RejectCode.OTHER and not note
    if verb == Verb.REJECT and (lacks_reason or code not in RejectCode.values):
        return None
    return Precedent(earlier, verb, shared, code, earlier.licence, note)


def _note_of_decision(match: Match, verb: Verb) -> str:
    """Return what was written with the decision that stands; a merge keeps only the match's."""
    events = Event.objects.filter(case=match.case, action=verb).order_by("-sequence")
    note = events.values_list("note", flat=True).first()
    return match.note if note is None else note

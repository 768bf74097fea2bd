"""What applying a policy or licence did, as one act that can be taken back.

The event of an act lists its matches, and each of their events names the act. Undoing
an act restores the matches that nothing else has changed since; the others stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited, sees_everything
from base.accounts.roles import Action
from base.audit.labels import actor_label
from base.audit.models import Event
from review import errors, match_events
from review.choices import MatchState
from review.models import Licence, Match, Policy
from review.services import grounds, licences, transitions
from review.services.transitions import Change

UNDONE = "application_undone"
_APPLIED = ("policy.applied", "licence.applied")
_UNDONE_ACT = "application.undone"
# Events in which rules treat a match.
_TREATED = ("unsuppressed", "rule_applied", "licensed")
_AT_ONCE = 500
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A match that undoing an act left as it is, and why.

    ``changed_by`` names who changed it since; it is empty while somebody reviews it.
    """

    match: Match
    changed_by: str = ""

    @property
    def why(self) -> str:
        """Return the reason in the reader's language."""
        if not self.changed_by:
            return _("Somebody is reviewing it.")
        return _("%(actor)s has changed it since.") % {"actor": actor_label(self.changed_by)}


@dataclass(frozen=True, slots=True)
class Application:
    """One act: its event, the number of its matches, and how it was undone, if it was.

    ``untouched`` has the first matches that were left as they are. Only matches that the
    viewer may see count.
    """

    act: str
    event: Event
    count: int
    undone: Event | None = None
    taken_back: int = 0
    untouched: list[LeftAlone] = field(default_factory=list)


@dataclass(slots=True)
class UndoneApplication:
    """The matches that were taken back, and those that were not."""

    taken_back: int = 0
    untouched: list[LeftAlone] = field(default_factory=list)


def applications(rule: Licence | Policy) -> list[Application]:
    """Return the newest acts of a policy or licence that changed matches."""
    events = Event.objects.filter(case=rule.case, action__in=[*_APPLIED, _UNDONE_ACT])
    newest = list(events.order_by("-sequence")[: 2 * _SHOWN])
    undone = {event.after["act"]: event for event in newest if event.action == _UNDONE_ACT}
    return [
        _application(event, undone.get(event.after["act"]))
        for event in newest
        if event.action in _APPLIED and event.after.get("matches")
    ][:_SHOWN]


def changed_by(rule: Licence | Policy, act: str) -> list[str]:
    """Return the uids of the matches that an act of a policy or licence changed."""
    events = Event.objects.filter(case=rule.case, action__in=_APPLIED)
    return [
        uid
        for event in events
        if event.after.get("act") == act
        for uid in event.after.get("matches", ())
    ]


def _application(event: Event, undone: Event | None) -> Application:
    count = _count_seen(event.after["matches"])
    left_count = _count_seen([uid for uid, _name in undone.after["left"]]) if undone else 0
    changed_by = dict(undone.after["left"][:_SHOWN]) if undone else {}
    rows = Match.objects.filter(uid__in=changed_by).select_related("recording", "scanned_file")
    return Application(
        act=event.after["act"],
        event=event,
        count=count,
        undone=undone,
        taken_back=count - left_count,
        untouched=[LeftAlone(row, changed_by[row.uid]) for row in rows.order_by("pk")],
    )


def _count_seen(uids: Sequence[str]) -> int:
    """Return how many of these matches the viewer may see."""
    if sees_everything():
        return len(uids)
    batches = (uids[at : at + _AT_ONCE] for at in range(0, len(uids), _AT_ONCE))
    return sum(Match.objects.filter(uid__in=batch).count() for batch in batches)


@transaction.atomic
def undo(*, rule: Licence | Policy, act: str, user: User) -> UndoneApplication:
    """Take back what an act changed, except where something happened since.

    A licence that the act put in force becomes a draft again; a policy stays on or off.
    Matches of which rules read something else by now are evaluated again.
    """
    transitions.require(
        user,
        Action.APPROVE,
        why=_("Only a manager may undo an applied policy, licence or exclusion."),
    )
    refuse_limited(user)
    # Lock the rule, so that two people cannot undo the same act.
    type(rule).objects.select_for_update().get(pk=rule.pk)
    application = next(
        (act_applied for act_applied in applications(rule) if act_applied.act == act), None
    )
    if application is None:
        raise errors.NothingToUndo(
            _("There is nothing to undo: it was not applied, or too long ago.")
        )
    if application.undone is not None:
        raise errors.NotPossible(_("Somebody has undone this already."))
    outcome, otherwise = UndoneApplication(), list[Match]()
    uids: list[str] = application.event.after["matches"]
    for first in range(0, len(uids), _AT_ONCE):
        otherwise += _take_back(uids[first : first + _AT_ONCE], act, user, outcome)
    if application.event.after.get("put_in_force") and isinstance(rule, Licence):
        licences.make_draft(licence=rule, user=user)
    grounds.again(matches=otherwise, actor=user)
    base.audit.services.record(
        case=rule.case,
        action=_UNDONE_ACT,
        actor=user,
        after={
            "act": act,
            "taken_back": outcome.taken_back,
            "left": [
                [untouched.match.uid, untouched.changed_by] for untouched in outcome.untouched
            ],
        },
    )
    return outcome


def _take_back(
    uids: Sequence[str], act: str, user: User, outcome: UndoneApplication
) -> list[Match]:
    """Restore matches; return those of which rules may say something else by now."""
    rows = list(transitions.locked_rows().filter(uid__in=uids))
    latest = transitions.last_events(rows)
    # One act can write two events; the first shows what was there before.
    events = Event.objects.filter(case__in=[row.case for row in rows], action__in=_TREATED)
    first = {
        event.case: event for event in events.order_by("-sequence") if event.after.get("act") == act
    }
    asides, before = transitions.asides_since(first.values()), formers(first.values())
    moves = []
    for row in rows:
        if row.state == MatchState.IN_REVIEW:
            outcome.untouched.append(LeftAlone(row))
        elif latest[row.case].after.get("act") != act:
            outcome.untouched.append(LeftAlone(row, latest[row.case].actor_name))
        else:
            case = row.case
            change = _back_to(row, first[case], before[case], act, asides[case])
            moves.append((row, change))
    back = transitions.apply_all(moves, actor=user)
    outcome.taken_back += len(back)
    new_grounds = frozenset(match_events.NEW_GROUNDS)
    return [match for match in back if not new_grounds.isdisjoint(asides[match.case])]


def _back_to(
    row: Match, first: Event, before: dict[str, object], act: str, asides: Collection[str]
) -> Change:
    """Return the change that restores the match as it was ``before`` the act.

    What people wrote, and whom they chose since, stays.
    """
    fields = _besides(first, asides) | before
    if match_events.NOTE in asides:
        fields["note"] = transitions.note_since(row, first)
    state = MatchState(str(fields.pop("state")))
    if state == MatchState.IN_REVIEW:
        state = MatchState.PENDING
    return Change(UNDONE, state, fields=fields, free=True, details={"act": act})


def former(event: Event) -> dict[str, object]:
    """Return the columns that undoing an event of a match restores; see ``formers``."""
    return formers([event])[event.case]


def formers(events: Iterable[Event]) -> dict[str, dict[str, object]]:
    """Return the columns that undoing each event restores, by the match's case.

    Of what an application did that was undone since, nothing comes back: these columns
    are as they were before it, unless something else has changed them.
    """
    by_case = {event.case: event for event in events}
    treated: dict[str, list[Event]] = {case: [] for case in by_case}
    rows = Event.objects.filter(case__in=by_case, action__in=(*_TREATED, UNDONE))
    for row in rows.order_by("-sequence"):
        if row.sequence < by_case[row.case].sequence:
            treated[row.case].append(row)
    acts = {
        row.after.get("act", "") for events_of_case in treated.values() for row in events_of_case
    }
    undone = Event.objects.filter(action=_UNDONE_ACT, after__act__in=acts - {""})
    gone = set(undone.values_list("after__act", flat=True))
    return {case: _former(event, treated[case], gone) for case, event in by_case.items()}


def _former(event: Event, treated: list[Event], gone: set[str]) -> dict[str, object]:
    """Take undone acts off an event's snapshot; ``treated`` has the newest event first."""
    columns, besides = dict(event.before), {}
    while treated and treated[0].action != UNDONE and treated[0].after.get("act") in gone:
        last, act = treated[0], treated[0].after["act"]
        # One act can write two events; the first shows what was there before.
        while treated and treated[0].after.get("act") == act:
            first = treated.pop(0)
        for name, value in first.before.items():
            if name in columns and _unlocked(name, columns) == last.after.get(name):
                columns[name] = value
        besides = _besides(first, transitions.asides_since([first])[event.case])
    return transitions.restored(columns) | besides


def _unlocked(name: str, snapshot: Mapping[str, object]) -> object:
    """Return a column of a snapshot; a match that is reviewed counts as pending."""
    value = snapshot[name]
    return MatchState.PENDING if value == MatchState.IN_REVIEW else value


def _besides(first: Event, asides: Collection[str]) -> dict[str, object]:
    """Return priority and assignee from before an act, which snapshots lack."""
    was = first.after.get("was", {})
    fields: dict[str, object] = {}
    if "priority" in was:
        fields["priority"] = was["priority"]
    if "assignee" in was and match_events.ASSIGN not in asides:
        fields["assignee_id"] = was["assignee"]
    return fields

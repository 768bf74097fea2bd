"""Matches that people give to each other, some of whom see one desk only."""

from __future__ import annotations

import random

from base.accounts.models import User
from base.accounts.reach import working_for
from base.accounts.roles import Action
from base.audit.models import Event
from review.choices import WAITING_STATES
from review.match_events import ASSIGN
from review.models import Match
from tests.season.invariants import check
from tests.season.people import Person

_MOST = 4


def assign(person: Person, rng: random.Random) -> None:
    """Assign some matches to somebody or to nobody.

    Anybody can be named, also people who may not see the matches or decide them.
    """
    waiting = Match._base_manager.filter(state__in=WAITING_STATES)
    matches = list(waiting.order_by("pk"))
    if not matches:
        return
    people = [*User.objects.filter(is_active=True).order_by("pk"), None]
    assignee = rng.choice(people)
    chosen = rng.sample(matches, min(rng.randint(1, _MOST), len(matches)))
    newest = Event.objects.order_by("-pk").first()
    person.fill_in(
        "/queue/decide/",
        verb="assign",
        apply="yes",
        assignee=assignee.pk if assignee is not None else "",
        expected=[f"{match.uid}:{match.version}" for match in chosen],
    )
    events = Event.objects.filter(pk__gt=newest.pk if newest else 0, action=ASSIGN)
    _check_given(person, assignee, set(events.values_list("case", flat=True)))


def _check_given(person: Person, assignee: User | None, cases: set[str]) -> None:
    """Check that both people may see each assigned match, and one may decide it."""
    uids = {case.removeprefix("match:") for case in cases}
    for someone in (person.user, assignee):
        if someone is None:
            continue
        with working_for(someone):
            seen = set(Match.objects.filter(uid__in=uids).values_list("uid", flat=True))
        check(seen == uids, f"{someone} may not see {uids - seen}, yet it was assigned")
    if uids and assignee is not None:
        check(assignee.has_perm(Action.DECIDE), f"{assignee} may decide nothing")
    for match in Match._base_manager.filter(uid__in=uids):
        check(
            match.assignee == assignee, f"{match} is given to {match.assignee}, not to {assignee}"
        )

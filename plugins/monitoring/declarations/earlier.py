"""The ids that plays keep in a correction after matches were joined.

The id of a play names its match. A society that reads a correction would take the same
play for another one if it had the id of the match that the joined one became.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from django.db.models import Q

from plugins.monitoring.declarations.models import DECLARATION_STATEMENT, Declaration
from reports.plays import Play
from review import intervals
from review.models import MatchAlias
from statements.models import StatementFact


@dataclass(frozen=True, slots=True)
class _EarlierPlay:
    """A play of a match that was joined since."""

    uid: str
    span: intervals.Interval

    def is_in(self, play: Play) -> bool:
        """Tell whether it is the same play."""
        return intervals.are_together([self.span], [(play.start_ms, play.end_ms)])


@dataclass(frozen=True, slots=True)
class EarlierPlays:
    """What the corrected declaration calls the plays of joined matches."""

    plays: Mapping[tuple[str, str], Sequence[_EarlierPlay]] = field(default_factory=dict)

    @classmethod
    def of(cls, corrected: Declaration | None) -> EarlierPlays:
        """Read them; there are none if no match of the declaration was joined."""
        if corrected is None:
            return cls()
        facts = StatementFact.objects.filter(
            statement__kind=DECLARATION_STATEMENT, statement__subject=corrected.uid
        )
        declared = facts.values("match")
        aliases = MatchAlias._base_manager.filter(Q(uid__in=declared) | Q(match__uid__in=declared))
        now = dict(aliases.values_list("uid", "match__uid"))
        now |= {uid: uid for uid in now.values()}
        plays: dict[tuple[str, str], list[_EarlierPlay]] = defaultdict(list)
        for fact in facts.filter(match__in=now).order_by("start_ms", "pk"):
            span = fact.start_ms or 0, fact.end_ms or 0
            play = _EarlierPlay(fact.cells["play"], span)
            plays[fact.cells["airing"], now[fact.match]].append(play)
        return cls(plays)

    def ids_of(self, airing: str, match: str, plays: Sequence[Play]) -> list[str]:
        """Return the ids of the plays of a match in an airing, in their order."""
        unassigned = list(self.plays.get((airing, match), ()))
        taken = {play.uid for play in unassigned}
        ids = []
        for place, play in enumerate(plays, start=1):
            same = next((candidate for candidate in unassigned if candidate.is_in(play)), None)
            if same is not None:
                unassigned.remove(same)
                ids.append(same.uid)
                continue
            # A number that no earlier play has; those of two new plays differ anyway.
            numbers = count(place, step=len(plays))
            named = (f"{airing}-{match}-{number}" for number in numbers)
            ids.append(next(uid for uid in named if uid not in taken))
        return ids

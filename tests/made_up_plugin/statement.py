"""Letters as statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plugins.letters.models import LETTER, Letter
from review.models import Match
from statements.kinds import Difference, Kind
from statements.models import Statement, StatementFact


class Letters(Kind):
    """A letter states the state of its match."""

    kind = LETTER
    label = "Letter"
    place = 70
    model = Letter

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare the stated states with today's."""
        facts = list(StatementFact.objects.filter(statement__in=statements))
        states = dict(
            Match.objects.filter(uid__in=[fact.match for fact in facts]).values_list("uid", "state")
        )
        return {
            fact.statement_id: [Difference("The match has another state.", fact.match)]
            for fact in facts
            if states.get(fact.match) != fact.state
        }

    def url(self, statement: Statement) -> str:
        """Return the address of the letter's page."""
        return Letter.objects.get(uid=statement.subject).url

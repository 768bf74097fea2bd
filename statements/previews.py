"""What statements will say otherwise once a change is made, as far as a viewer may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from base.accounts.reach import working_for
from base.audit.models import Event
from base.common.batches import batched
from review.services.transitions import changed_cases
from statements.choices import ISSUED, label_of
from statements.following import COMPARED_AT_ONCE, concerned, differences_of
from statements.kinds import Difference, address_of
from statements.models import Statement
from statements.selectors import seen_matches, statements_in_reach

Differences = Mapping[int, Sequence[Difference]]


@dataclass(frozen=True, slots=True)
class StatementChange:
    """A statement, and what it says otherwise than the portal after a change."""

    kind: str
    uid: str
    """Of the row in the table of its kind."""
    name: str
    url: str
    texts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return the label of its kind."""
        return label_of(self.kind)

    @property
    def only_stands(self) -> bool:
        """Tell whether it stands on what ends, and says nothing otherwise that people may see."""
        return not self.texts


def stand_on(events: Iterable[Event], matches: Collection[str]) -> list[Statement]:
    """Return the statements that somebody submitted or issued, and that events concern.

    ``matches`` are the uids of others that stand on what changes.
    """
    cases = changed_cases(events)
    cases.setdefault("match", set()).update(matches)
    with working_for(None):
        rows = concerned(cases).filter(state__in=ISSUED)
        return list(rows.order_by("pk"))


def read_all(statements: Sequence[Statement]) -> dict[int, Sequence[Difference]]:
    """Return what statements say otherwise than the portal now."""
    differences: dict[int, Sequence[Difference]] = {}
    for batch in batched(statements, COMPARED_AT_ONCE):
        differences |= differences_of(batch)
    return differences


def changes_between(
    statements: Sequence[Statement], before: Differences, after: Differences
) -> tuple[list[StatementChange], bool]:
    """Return the statements that say more otherwise than before; and if some are hidden."""
    changed = {
        statement.pk: [
            difference
            for difference in after.get(statement.pk, ())
            if difference not in before.get(statement.pk, ())
        ]
        for statement in statements
    }
    changed = {key: differences for key, differences in changed.items() if differences}
    in_reach = statements_in_reach(Q(pk__in=list(changed)))
    visible = set(in_reach.values_list("pk", flat=True))
    named = {difference.match for row in changed.values() for difference in row}
    seen = {"", *seen_matches(named - {""})}
    changes = [
        as_change(
            statement,
            [difference.text for difference in changed[statement.pk] if difference.match in seen],
        )
        for statement in statements
        if statement.pk in visible
    ]
    has_hidden = len(visible) < len(changed) or not named <= seen
    return changes, has_hidden


def as_change(statement: Statement, texts: Iterable[str] = ()) -> StatementChange:
    """Return a statement as previews show it."""
    return StatementChange(
        statement.kind, statement.subject, statement.name, address_of(statement), tuple(texts)
    )

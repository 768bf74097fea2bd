"""Statements that people correct, keep or withdraw, from their list.

Whatever somebody keeps leaves the list until it differs in something else.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from base.accounts.reach import working_for
from statements.choices import FOLLOWED
from statements.following import differences_of
from statements.models import Statement, StatementCheck
from statements.selectors import Subset, list_statements
from tests.season.invariants import check
from tests.season.people import Person


def correct(person: Person, rng: random.Random) -> None:
    """Open the list, and do something about one of its statements."""
    with working_for(person.user):
        seen = list(list_statements(subset=rng.choice(list(Subset))))
    person.open("/statements/")
    if not seen:
        return
    statement = rng.choice(seen)
    page = f"/statements/{statement.uid}/"
    check(person.open(page).is_page, f"{person.name} does not see {page}")
    way = rng.random()
    if way < 0.6:
        _keep(person, statement, page, rng)
    elif way < 0.8:
        person.fill_in(f"{page}withdraw/", why="It is wrong.")
    else:
        person.open(f"{page}files/{rng.choice(['pdf', 'csv', 'zip', 'txt'])}")


def are_compared() -> None:
    """Check that lists say of each statement what a comparison finds at once."""
    if StatementCheck.objects.exists():
        return
    rows = list(Statement.objects.filter(state__in=FOLLOWED))
    differences = differences_of(rows)
    for row in rows:
        texts = [difference.text for difference in differences.get(row.pk, ())]
        check(
            (row.differs_since is not None) == bool(texts),
            f"{row.kind} {row} differs since {row.differs_since}, says its list: {texts}",
        )


def _keep(person: Person, statement: Statement, page: str, rng: random.Random) -> None:
    until = datetime.now(tz=UTC) + timedelta(days=rng.randint(0, 30))
    answer = person.fill_in(
        f"{page}keep/",
        differs=rng.choice([statement.differs_sha256] * 4 + ["0" * 64]),
        why=rng.choice(["Agreed with the station.", ""]),
        until=rng.choice(["", f"{until:%Y-%m-%d}"]),
    )
    statement.refresh_from_db()
    if answer.status < 300 and statement.kept_by == person.user:
        remains = list_statements().filter(pk=statement.pk).exists()
        is_same = statement.kept_sha256 == statement.differs_sha256
        check(not (is_same and remains), f"{statement} is kept, and to correct")

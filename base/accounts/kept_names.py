"""Rows that keep the name of a person beside the account.

When a person is erased, each of them gets the pseudonym; they are registered, because
their packages lie above the accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Model, QuerySet

from base.accounts.models import User
from base.common.registry import Registry


@dataclass(frozen=True, slots=True)
class KeptName:
    """The columns of a model with an account and its name.

    ``counted_as`` is the kind of rows of which people are told how many change:
    ``decisions``, ``reports``, or nothing.
    """

    model: type[Model]
    person: str
    name: str
    counted_as: str = ""

    def rows(self, person: User) -> QuerySet[Model]:
        """Return the rows of a person."""
        return self.model._default_manager.filter(**{self.person: person})


kept_names: Registry[KeptName] = Registry()


def count_rows(person: User, counted_as: str) -> int:
    """Return how many rows of a kind keep the name of a person."""
    return sum(
        column.rows(person).count() for column in kept_names if column.counted_as == counted_as
    )


def replace_names(person: User, pseudonym: str) -> None:
    """Replace the name of a person in all rows."""
    for column in kept_names:
        column.rows(person).update(**{column.name: pseudonym})

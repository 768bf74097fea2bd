"""Parties, works and groups of countries as values of search boxes."""

from __future__ import annotations

from collections.abc import Iterable

from catalogue.owners import tis
from catalogue.owners.models import Party, Work
from catalogue.owners.selectors import parties_in_reach, works_in_reach
from plugins.rights import selectors
from web.portal.shared.choices import SHOWN, Choice, ChoiceKind, territories


def _party(party: Party) -> Choice:
    return Choice(party.uid, str(party), party.ipi_name or party.society)


def _parties(text: str) -> Iterable[Choice]:
    matches = selectors.search_parties(text).order_by("name_key", "pk")
    return map(_party, matches[:SHOWN])


def _named_parties(values: list[str]) -> Iterable[Choice]:
    return map(_party, parties_in_reach().filter(uid__in=values))


def _work(work: Work) -> Choice:
    # Works of one title differ in their codes, or in their senders' numbers.
    numbers = ", ".join(str(number) for number in work.numbers.all())
    return Choice(work.uid, work.title, work.iswc or numbers)


def _works(text: str) -> Iterable[Choice]:
    matches = selectors.search_works(text).order_by("title_key", "pk")
    return map(_work, matches.prefetch_related("numbers")[:SHOWN])


def _named_works(values: list[str]) -> Iterable[Choice]:
    rows = works_in_reach().filter(uid__in=values)
    return map(_work, rows.prefetch_related("numbers"))


def _right_territories(text: str) -> Iterable[Choice]:
    """Return groups of countries whose names contain the text, then all codes."""
    groups = [
        Choice(number, name, number)
        for number, name in tis.group_names().items()
        if text.casefold() in f"{number} {name}".casefold()
    ]
    return [*groups, *territories(text)]


def _named_territories(values: list[str]) -> Iterable[Choice]:
    names = tis.group_names()
    return [Choice(value, names.get(value, value)) for value in values]


CHOICES = (
    ("parties", ChoiceKind(_parties, _named_parties)),
    ("works", ChoiceKind(_works, _named_works)),
    ("right_territories", ChoiceKind(_right_territories, _named_territories)),
)

"""Where the shares that sources claim contradict each other.

Shares of one record, right and kind are compared per day and country. Beside those of a
person, two sources contradict each other if they give a party different shares, or more
than all together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from catalogue.owners.ledger import BY_HAND, MOST_PERCENT, countries_of, holds_on
from catalogue.owners.models import Share


@dataclass(frozen=True, slots=True)
class Cell:
    """Countries and days in which the same shares hold; None is an open end."""

    countries: frozenset[str]
    begin: date | None
    end: date | None
    shares: tuple[Share, ...]


def cells(shares: Sequence[Share]) -> Iterator[Cell]:
    """Yield all countries and days of shares of one right and kind, in order of days."""
    days = sorted(_turning_days(shares))
    places = {share.pk: countries_of(share) for share in shares}
    for begin, following in zip([None, *days], [*days, None], strict=True):
        end = None if following is None else following - timedelta(days=1)
        # Before the first turning day, its eve stands for the time.
        day = begin or end or date.max
        living = [share for share in shares if holds_on(share, day)]
        together: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for country in frozenset().union(*(places[share.pk] for share in living)):
            inside = (share.pk for share in living if country in places[share.pk])
            together[tuple(inside)].append(country)
        for keys, countries in sorted(together.items()):
            members = tuple(share for share in living if share.pk in keys)
            yield Cell(frozenset(countries), begin, end, members)


def _turning_days(shares: Iterable[Share]) -> set[date]:
    """Return the days from which other shares hold than the day before."""
    days = set()
    for share in shares:
        if share.valid_from is not None and share.valid_from > date.min:
            days.add(share.valid_from)
        if share.valid_until is not None and share.valid_until < date.max:
            days.add(share.valid_until + timedelta(days=1))
    return days


def sums(shares: Iterable[Share]) -> dict[str, dict[int, Decimal]]:
    """Return the percent that each source gives each party; unknown sizes are left out."""
    totals: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for share in shares:
        if share.percent is not None:
            totals[share.claimant][share.party_id] += share.percent
    return totals


def sources_over(cell: Cell) -> dict[str, Decimal]:
    """Return the sources that give away more than all, with their sums."""
    return {
        claimant: total
        for claimant, parties in sums(cell.shares).items()
        if (total := sum(parties.values(), Decimal())) > MOST_PERCENT
    }


def sources_disagree(cell: Cell) -> bool:
    """Return whether two sources contradict each other."""
    claimed = sums(cell.shares)
    by_hand = claimed.pop(BY_HAND, {})
    sources = [
        {party: size for party, size in parties.items() if party not in by_hand}
        for parties in claimed.values()
    ]
    most: dict[int, Decimal] = dict(by_hand)
    for parties in sources:
        for party, size in parties.items():
            if party in most and most[party] != size:
                return True
            most[party] = size
    involved = bool(by_hand) + sum(bool(parties) for parties in sources)
    return involved > 1 and sum(most.values(), Decimal()) > MOST_PERCENT


def uncovered(shares: Sequence[Share], *, day: date) -> dict[int, frozenset[str]]:
    """Return, by key of shares that ended before a day, where nothing followed."""
    living: Collection[Share] = [share for share in shares if holds_on(share, day)]
    covered = frozenset().union(*map(countries_of, living))
    return {
        share.pk: countries
        for share in shares
        if share.valid_until is not None
        and share.valid_until < day
        and (countries := countries_of(share) - covered)
    }

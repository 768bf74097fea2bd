"""What shares say together: who has what on a day, and where claims contradict.

Shares of one record, right and kind are compared per day and country. Those of a person
replace what others claim for the same party; of the rest, two sources contradict each
other if they give a party different shares, or more than all together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from rights import tis
from rights.models import Share

# CWR rounds shares to hundredths and tolerates 0.06.
MOST_PERCENT: Final = Decimal("100.06")
BY_HAND: Final = ""
Group: TypeAlias = tuple[str, str]
"""A right and a kind of share."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Countries and days in which the same shares hold; None is an open end."""

    countries: frozenset[str]
    begin: date | None
    end: date | None
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A share that counts on a day, in the countries in which nothing replaces it."""

    share: Share
    countries: frozenset[str]
    claimants: tuple[str, ...]


def countries_of(share: Share) -> frozenset[str]:
    """Return the countries of a share."""
    return tis.expand(share.included, share.excluded)


def holds_on(share: Share, day: date) -> bool:
    """Return whether a share holds on a day; both of its dates belong to it."""
    begins = share.valid_from is None or share.valid_from <= day
    return begins and (share.valid_until is None or day <= share.valid_until)


def is_believed(share: Share, chosen: Mapping[Group, str] | None) -> bool:
    """Return whether a share counts beside the sources that people believed."""
    source = (chosen or {}).get((share.right, share.kind))
    return source is None or share.claimant in {source, BY_HAND}


def grouped(shares: Iterable[Share]) -> dict[Group, list[Share]]:
    """Return shares by right and kind."""
    groups: dict[Group, list[Share]] = defaultdict(list)
    for share in shares:
        groups[share.right, share.kind].append(share)
    return groups


def held(
    shares: Sequence[Share],
    *,
    day: date,
    countries: frozenset[str] | None = None,
    chosen: Mapping[Group, str] | None = None,
) -> list[Held]:
    """Return the shares that count on a day, in all or in some countries.

    ``chosen`` names the source that a person believed, per right and kind.
    """
    living = [
        share for share in shares if holds_on(share, day) and is_believed(share, chosen)
    ]
    found: dict[tuple[object, ...], Held] = {}
    for members in grouped(living).values():
        for share in members:
            where = countries_of(share) - _replaced(share, members)
            if countries is not None:
                where &= countries
            if where:
                _add(found, share, where)
    return list(found.values())


def _add(
    found: dict[tuple[object, ...], Held], share: Share, where: frozenset[str]
) -> None:
    """Add a share, or the name of its source to the same share of another one."""
    same = (share.party_id, share.role, share.right, share.kind, share.percent, where)
    known = found.get(same)
    if known is None:
        found[same] = Held(share, where, (share.claimant,))
    elif share.claimant not in known.claimants:
        found[same] = Held(known.share, where, (*known.claimants, share.claimant))


def _replaced(share: Share, others: Iterable[Share]) -> frozenset[str]:
    """Return the countries in which a person's claim for the party takes its place."""
    if share.claimant == BY_HAND:
        return frozenset()
    return frozenset().union(
        *(
            countries_of(other)
            for other in others
            if other.claimant == BY_HAND and other.party_id == share.party_id
        )
    )


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
        for country in frozenset().union(*(places[each.pk] for each in living)):
            inside = (each.pk for each in living if country in places[each.pk])
            together[tuple(inside)].append(country)
        for keys, countries in sorted(together.items()):
            members = tuple(each for each in living if each.pk in keys)
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
    found: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for share in shares:
        if share.percent is not None:
            found[share.claimant][share.party_id] += share.percent
    return found


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
    others = [
        {party: size for party, size in parties.items() if party not in by_hand}
        for parties in claimed.values()
    ]
    most: dict[int, Decimal] = dict(by_hand)
    for parties in others:
        for party, size in parties.items():
            if party in most and most[party] != size:
                return True
            most[party] = size
    involved = bool(by_hand) + sum(bool(parties) for parties in others)
    return involved > 1 and sum(most.values(), Decimal()) > MOST_PERCENT


def uncovered(shares: Sequence[Share], *, day: date) -> dict[int, frozenset[str]]:
    """Return, by key of shares that ended before a day, where nothing followed."""
    living: Collection[Share] = [share for share in shares if holds_on(share, day)]
    covered = frozenset().union(*map(countries_of, living))
    return {
        share.pk: left
        for share in shares
        if share.valid_until is not None
        and share.valid_until < day
        and (left := countries_of(share) - covered)
    }

"""What shares say together: who has what on a day, in which countries.

Shares of one record, right and kind are compared per day and country. Those of a person
replace what others claim for the same party.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

from catalogue.owners import tis
from catalogue.owners.models import Share

# CWR rounds shares to hundredths and tolerates 0.06.
MOST_PERCENT: Final = Decimal("100.06")
BY_HAND: Final = ""
Group: TypeAlias = tuple[str, str]
"""A right and a kind of share."""


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
    living = [share for share in shares if holds_on(share, day) and is_believed(share, chosen)]
    holdings: dict[tuple[object, ...], Held] = {}
    for members in grouped(living).values():
        for share in members:
            where = countries_of(share) - _replaced(share, members)
            if countries is not None:
                where &= countries
            if where:
                _add(holdings, share, where)
    return list(holdings.values())


def _add(holdings: dict[tuple[object, ...], Held], share: Share, where: frozenset[str]) -> None:
    """Add a share, or the name of its source to the same share of another one."""
    same = (share.party_id, share.role, share.right, share.kind, share.percent, where)
    holding = holdings.get(same)
    if holding is None:
        holdings[same] = Held(share, where, (share.claimant,))
    elif share.claimant not in holding.claimants:
        holdings[same] = Held(holding.share, where, (*holding.claimants, share.claimant))


def _replaced(share: Share, shares: Iterable[Share]) -> frozenset[str]:
    """Return the countries in which a person's claim for the party takes its place."""
    if share.claimant == BY_HAND:
        return frozenset()
    return frozenset().union(
        *(
            countries_of(claim)
            for claim in shares
            if claim.claimant == BY_HAND and claim.party_id == share.party_id
        )
    )

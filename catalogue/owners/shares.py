"""What shares add up to: ours of many recordings, and the sources that people believed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from catalogue.models import Recording
from catalogue.owners import ledger
from catalogue.owners.choices import ConflictKind, ConflictState, Right, ShareKind
from catalogue.owners.models import Conflict, Share
from catalogue.owners.records import Record, column_of, record_keys, works_of


def own_shares(
    recordings: Iterable[Recording], *, day: date, countries: frozenset[str] | None = None
) -> dict[int, Decimal | None]:
    """Return our share on a day in percent, by the recording's key.

    It is our part of the master right, or of the performing right of the one work if
    nobody owns a part of the master. Where it differs, it is that of the country in
    which we have least, of those in which somebody has a share and, if given, of
    ``countries``. It is None as long as none of the owners is ours.
    """
    records = record_keys(recordings)
    works = works_of(set[int]().union(*records.values()))
    masters = _owned("recording", set[int]().union(*records.values()), Right.MASTER, day)
    performing = _owned("work", set[int]().union(*works.values()), Right.PERFORMING, day)
    shares = {}
    for key, own in records.items():
        held = [holding for record in sorted(own) for holding in masters.get(record, ())]
        embodied = set[int]().union(*(works.get(record, ()) for record in own))
        if not held and len(embodied) == 1:
            held = performing.get(embodied.pop(), [])
        shares[key] = _our_share(held, countries)
    return shares


def _owned(
    column: str, keys: Collection[int], right: Right, day: date
) -> dict[int, list[ledger.Held]]:
    """Return who owns a right of some records on a day, by the record's key."""
    rows = Share.objects.filter(
        **{f"{column}__in": keys}, right=right, kind=ShareKind.OWNERSHIP, withdrawn_at__isnull=True
    )
    shares: dict[int, list[Share]] = defaultdict(list)
    for share in rows.select_related("party").order_by("pk"):
        shares[share.work_id or share.recording_id or 0].append(share)
    chosen = chosen_among(column, shares)
    return {
        key: ledger.held(claims, day=day, chosen=chosen.get(key)) for key, claims in shares.items()
    }


def _our_share(held: Sequence[ledger.Held], countries: frozenset[str] | None) -> Decimal | None:
    if not any(holding.share.party.is_ours for holding in held):
        return None
    totals: dict[str, Decimal] = {}
    for holding in held:
        where = holding.countries if countries is None else holding.countries & countries
        is_ours = holding.share.party.is_ours
        if where and is_ours and holding.share.percent is None:
            return None
        for country in where:
            size = holding.share.percent if is_ours else None
            totals[country] = totals.get(country, Decimal()) + (size or Decimal())
    # In none of the countries has anybody a share, so neither have we.
    least = min(totals.values(), default=Decimal())
    return min(least, Decimal(100)).quantize(Decimal("0.01"))


def shares_of(record: Record) -> QuerySet[Share]:
    """Return the claimed shares of a work or recording that were not withdrawn."""
    return (
        Share.objects.filter(**{column_of(record): record}, withdrawn_at__isnull=True)
        .select_related("party", "controlled_by")
        .order_by("pk")
    )


def chosen_of(record: Record) -> dict[ledger.Group, str]:
    """Return the sources that people believed about a record, per right and kind."""
    return chosen_among(column_of(record), [record.pk]).get(record.pk, {})


def chosen_among(column: str, keys: Iterable[int]) -> dict[int, dict[ledger.Group, str]]:
    """Return the sources that people believed, by the keys of records of one kind."""
    rows = Conflict.objects.filter(
        **{f"{column}__in": list(keys)},
        kind=ConflictKind.OVERLAP,
        state=ConflictState.SETTLED,
        has_choice=True,
    )
    chosen: dict[int, dict[ledger.Group, str]] = defaultdict(dict)
    for row in rows:
        chosen[row.work_id or row.recording_id or 0][row.right, row.share_kind] = row.chosen
    return chosen

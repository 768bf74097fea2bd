"""Carries what rights know into the flat fields of catalogue recordings.

Empty fields are filled; what somebody entered stays. Writers and publishers that were
filled in follow the works, and our share follows the shares as long as nobody entered one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from django.db.models import QuerySet

from accounts.models import User
from accounts.reach import working_for
from catalogue.changes import update_recording
from catalogue.models import Recording
from common.batches import batched
from rights import ledger
from rights.choices import (
    PUBLISHER_ROLES,
    WRITER_ROLES,
    ConflictKind,
    ConflictState,
    Right,
    ShareKind,
)
from rights.models import Conflict, Release, RightsRecording, Share, Work
from rights.records import (
    Record,
    catalogue_recordings,
    column_of,
    record_keys,
    works_of,
)

_MOST_NAMES: Final = 50
_AT_ONCE: Final = 200
_NAMES: Final = ("writers", "publishers")


def fill_recordings(
    records: Iterable[RightsRecording], *, user: User | None = None
) -> None:
    """Fill the catalogue recordings of some records, regardless of access limits."""
    with working_for(None):
        for some in batched(records, _AT_ONCE):
            found = {
                recording.pk: recording
                for record in some
                for recording in catalogue_recordings(record)
            }
            fill_catalogue(list(found.values()), user=user)


def fill_catalogue(recordings: Collection[Recording], *, user: User | None) -> None:
    """Bring the flat fields and our share of recordings to what their rights say."""
    day = datetime.now(tz=UTC).date()
    keys = record_keys(recordings)
    for recording in recordings:
        records = RightsRecording.objects.filter(pk__in=keys[recording.pk])
        _fill(recording, _known(list(records.order_by("pk")), day), user)
    refresh_own_shares(recordings, day=day)


def _fill(
    recording: Recording, known: Mapping[str, str | list[str]], user: User | None
) -> None:
    before = {name: getattr(recording, name) for name in known}
    follows = {
        name: value
        for name, value in known.items()
        if not before[name] or before[name] == recording.filled_names.get(name)
    }
    columns = {name: value for name, value in follows.items() if value != before[name]}
    if columns:
        update_recording(recording=recording, columns=columns, user=user)
    filled = {name: follows[name] for name in _NAMES if follows.get(name)}
    if filled != recording.filled_names:
        Recording.objects.filter(pk=recording.pk).update(filled_names=filled)


def _known(records: Sequence[RightsRecording], day: date) -> dict[str, str | list[str]]:
    """Return what rights say for each flat field; empty where they say nothing."""
    works = Work.objects.filter(recordings__in=records, merged_into=None).distinct()
    iswcs = {work.iswc for work in works if work.iswc}
    releases = Release.objects.filter(recordings__in=records).exclude(upc="")
    release = releases.order_by("pk").first()
    shares = _shares_of_works([work.pk for work in works])
    return {
        "writers": _names(shares, WRITER_ROLES, day),
        "publishers": _names(shares, PUBLISHER_ROLES, day),
        "label": next((record.label for record in records if record.label), ""),
        "upc": release.upc if release is not None else "",
        "iswc": iswcs.pop() if len(iswcs) == 1 else "",
    }


def _shares_of_works(works: Collection[int]) -> list[Share]:
    rows = Share.objects.filter(work__in=works, withdrawn_at__isnull=True)
    chosen = chosen_among("work", works)
    return [
        share
        for share in rows.select_related("party").order_by("work", "pk")
        if ledger.is_believed(share, chosen.get(share.work_id or 0))
    ]


def _names(shares: Iterable[Share], roles: Collection[str], day: date) -> list[str]:
    """Return the names of the parties in some roles; on a day without any, of all."""
    people = [share for share in shares if share.role in roles]
    living = [share for share in people if ledger.holds_on(share, day)] or people
    return list(dict.fromkeys(str(share.party) for share in living))[:_MOST_NAMES]


def refresh_own_shares(recordings: Iterable[Recording], *, day: date) -> None:
    """Compute our share of recordings from the shares of our parties."""
    rows = list(recordings)
    shares = own_shares(rows, day=day)
    for recording in rows:
        share = shares[recording.pk]
        if recording.computed_share_pct != share:
            Recording.objects.filter(pk=recording.pk).update(computed_share_pct=share)


def own_shares(
    recordings: Iterable[Recording],
    *,
    day: date,
    countries: frozenset[str] | None = None,
) -> dict[int, Decimal | None]:
    """Return our share on a day in percent, by the recording's key.

    It is our part of the master right, or of the performing right of the one work if
    nobody owns a part of the master. Where it differs, it is that of the country in
    which we have least, of those in which somebody has a share and, if given, of
    ``countries``. It is None as long as none of the owners is ours.
    """
    records = record_keys(recordings)
    works = works_of(set[int]().union(*records.values()))
    masters = _owned(
        "recording", set[int]().union(*records.values()), Right.MASTER, day
    )
    performing = _owned(
        "work", set[int]().union(*works.values()), Right.PERFORMING, day
    )
    found = {}
    for key, own in records.items():
        held = [each for record in sorted(own) for each in masters.get(record, ())]
        embodied = set[int]().union(*(works.get(record, ()) for record in own))
        if not held and len(embodied) == 1:
            held = performing.get(embodied.pop(), [])
        found[key] = _ours(held, countries)
    return found


def _owned(
    column: str, keys: Collection[int], right: Right, day: date
) -> dict[int, list[ledger.Held]]:
    """Return who owns a right of some records on a day, by the record's key."""
    rows = Share.objects.filter(
        **{f"{column}__in": keys},
        right=right,
        kind=ShareKind.OWNERSHIP,
        withdrawn_at__isnull=True,
    )
    shares: dict[int, list[Share]] = defaultdict(list)
    for share in rows.select_related("party").order_by("pk"):
        shares[share.work_id or share.recording_id or 0].append(share)
    chosen = chosen_among(column, shares)
    return {
        key: ledger.held(each, day=day, chosen=chosen.get(key))
        for key, each in shares.items()
    }


def _ours(
    held: Sequence[ledger.Held], countries: frozenset[str] | None
) -> Decimal | None:
    if not any(each.share.party.is_ours for each in held):
        return None
    totals: dict[str, Decimal] = {}
    for each in held:
        where = each.countries if countries is None else each.countries & countries
        is_ours = each.share.party.is_ours
        if where and is_ours and each.share.percent is None:
            return None
        for country in where:
            size = each.share.percent if is_ours else None
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


def chosen_among(
    column: str, keys: Iterable[int]
) -> dict[int, dict[ledger.Group, str]]:
    """Return the sources that people believed, by the keys of records of one kind."""
    rows = Conflict.objects.filter(
        **{f"{column}__in": list(keys)},
        kind=ConflictKind.OVERLAP,
        state=ConflictState.SETTLED,
        has_choice=True,
    )
    chosen: dict[int, dict[ledger.Group, str]] = defaultdict(dict)
    for row in rows:
        chosen[row.work_id or row.recording_id or 0][row.right, row.share_kind] = (
            row.chosen
        )
    return chosen

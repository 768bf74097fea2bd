"""Carries what rights know into the flat fields of catalogue recordings.

Empty fields are filled; what somebody entered stays. Our share of the rights follows
the shares as long as nobody entered one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from django.db.models import QuerySet

from accounts.models import User
from accounts.reach import working_for
from catalogue.changes import update_recording
from catalogue.models import Recording
from rights import ledger
from rights.choices import (
    PUBLISHER_ROLES,
    WRITER_ROLES,
    ConflictKind,
    ConflictState,
    Right,
    ShareKind,
)
from rights.models import Conflict, RightsRecording, Share, Work
from rights.records import Record, catalogue_recordings, column_of, rights_records

_MOST_NAMES: Final = 50


def fill_recordings(
    records: Iterable[RightsRecording], *, user: User | None = None
) -> None:
    """Fill the catalogue recordings of some records, regardless of access limits."""
    day = datetime.now(tz=UTC).date()
    with working_for(None):
        for record in records:
            for recording in catalogue_recordings(record):
                _fill(recording, record, user)
                refresh_own_share(recording, day=day)


def _fill(recording: Recording, record: RightsRecording, user: User | None) -> None:
    works = list(record.works.filter(merged_into=None).order_by("pk"))
    iswcs = {work.iswc for work in works if work.iswc}
    release = record.releases.exclude(upc="").order_by("pk").first()
    known = {
        "writers": _names(works, WRITER_ROLES),
        "publishers": _names(works, PUBLISHER_ROLES),
        "label": record.label,
        "upc": release.upc if release is not None else "",
        "iswc": iswcs.pop() if len(iswcs) == 1 else "",
    }
    missing = {
        name: value
        for name, value in known.items()
        if value and not getattr(recording, name)
    }
    if missing:
        update_recording(recording=recording, columns=missing, user=user)


def _names(works: Iterable[Work], roles: Iterable[str]) -> list[str]:
    rows = Share.objects.filter(
        work__in=list(works), role__in=list(roles), withdrawn_at__isnull=True
    ).select_related("party")
    return list(dict.fromkeys(str(row.party) for row in rows.order_by("pk")))[
        :_MOST_NAMES
    ]


def refresh_own_share(recording: Recording, *, day: date) -> None:
    """Compute our share of a recording from the shares of our parties."""
    share = own_share(recording, day=day)
    if recording.computed_share_pct != share:
        Recording.objects.filter(pk=recording.pk).update(computed_share_pct=share)


def own_share(recording: Recording, *, day: date) -> Decimal | None:
    """Return our share on a day in percent; None as long as none of the owners is ours.

    It is our part of the master right, or of the performing right of the one work if
    nobody owns a part of the master. Where it differs, it is that of the country in
    which we have least, of those in which somebody has a share.
    """
    records = list(rights_records(recording))
    masters = _owned(records, Right.MASTER, day)
    if masters:
        return _ours(masters)
    works = Work.objects.filter(recordings__in=records, merged_into=None).distinct()
    if len(works) != 1:
        return None
    return _ours(_owned(works, Right.PERFORMING, day))


def _owned(records: Iterable[Record], right: Right, day: date) -> list[ledger.Held]:
    found: list[ledger.Held] = []
    for record in records:
        shares = shares_of(record).filter(right=right, kind=ShareKind.OWNERSHIP)
        found += ledger.held(list(shares), day=day, chosen=chosen_of(record))
    return found


def _ours(held: Iterable[ledger.Held]) -> Decimal | None:
    totals: dict[str, Decimal] = {}
    is_known = False
    for each in held:
        is_ours = each.share.party.is_ours
        if is_ours and each.share.percent is None:
            return None
        is_known = is_known or is_ours
        for country in each.countries:
            size = each.share.percent if is_ours else None
            totals[country] = totals.get(country, Decimal()) + (size or Decimal())
    if not is_known:
        return None
    return min(min(totals.values()), Decimal(100)).quantize(Decimal("0.01"))


def shares_of(record: Record) -> QuerySet[Share]:
    """Return the claimed shares of a work or recording that were not withdrawn."""
    return (
        Share.objects.filter(**{column_of(record): record}, withdrawn_at__isnull=True)
        .select_related("party", "controlled_by")
        .order_by("pk")
    )


def chosen_of(record: Record) -> dict[ledger.Group, str]:
    """Return the sources that people believed about a record, per right and kind."""
    rows = Conflict.objects.filter(
        **{column_of(record): record},
        kind=ConflictKind.OVERLAP,
        state=ConflictState.SETTLED,
        has_choice=True,
    )
    return {(row.right, row.share_kind): row.chosen for row in rows}

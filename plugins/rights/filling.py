"""Carries what rights know into the flat fields of catalogue recordings.

Empty fields are filled; what somebody entered stays. Writers and publishers that were
filled in follow the works, and our share follows the shares as long as nobody entered one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.batches import batched
from catalogue.changes import update_recording
from catalogue.models import Recording
from catalogue.owners import ledger
from catalogue.owners.choices import PUBLISHER_ROLES, WRITER_ROLES
from catalogue.owners.models import Release, RightsRecording, Share, Work
from catalogue.owners.records import catalogue_recordings, record_keys
from catalogue.owners.shares import chosen_among, own_shares

_MOST_NAMES: Final = 50
_AT_ONCE: Final = 200
_NAMES: Final = ("writers", "publishers")


def fill_recordings(records: Iterable[RightsRecording], *, user: User | None = None) -> None:
    """Fill the catalogue recordings of some records, regardless of access limits."""
    with working_for(None):
        for some in batched(records, _AT_ONCE):
            recordings = {
                recording.pk: recording
                for record in some
                for recording in catalogue_recordings(record)
            }
            fill_catalogue(list(recordings.values()), user=user)


def fill_catalogue(recordings: Collection[Recording], *, user: User | None) -> None:
    """Bring the flat fields and our share of recordings to what their rights say."""
    day = datetime.now(tz=UTC).date()
    keys = record_keys(recordings)
    for recording in recordings:
        records = RightsRecording.objects.filter(pk__in=keys[recording.pk])
        _fill(recording, _field_values(list(records.order_by("pk")), day), user)
    refresh_own_shares(recordings, day=day)


def _fill(recording: Recording, values: Mapping[str, str | list[str]], user: User | None) -> None:
    before = {name: getattr(recording, name) for name in values}
    follows = {
        name: value
        for name, value in values.items()
        if not before[name] or before[name] == recording.filled_names.get(name)
    }
    columns = {name: value for name, value in follows.items() if value != before[name]}
    if columns:
        update_recording(recording=recording, columns=columns, user=user)
    filled = {name: follows[name] for name in _NAMES if follows.get(name)}
    if filled != recording.filled_names:
        Recording.objects.filter(pk=recording.pk).update(filled_names=filled)


def _field_values(records: Sequence[RightsRecording], day: date) -> dict[str, str | list[str]]:
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

"""Applies what messages claim; ``actions`` is what people do.

Repeating a message changes nothing. Empty fields are filled, never overwritten; a value
that differs from the record's is kept as a statement and shows as a conflict. The
shares of a record that a sender claimed before are replaced by those it claims now, per
right and kind; those of others, and of people, stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.models import Event
from base.audit.services import handled_events
from catalogue.owners.models import Party, RightsRecording
from catalogue.owners.records import KINDS, Record, case_of, catalogue_recordings
from plugins.rights.applying.changes import UNDO, Changes, Row
from plugins.rights.applying.parties import apply_party
from plugins.rights.applying.recordings import apply_recording
from plugins.rights.applying.releases import apply_release
from plugins.rights.applying.values import ClaimRefused
from plugins.rights.applying.works import apply_work
from plugins.rights.claims import (
    Applied,
    AppliedRecord,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    WorkClaim,
)
from plugins.rights.conflicts import neighbours, refresh
from plugins.rights.filling import fill_recordings

Claim = TypeVar("Claim", PartyClaim, RecordingClaim, WorkClaim, ReleaseClaim)


@transaction.atomic
def apply_claims(
    *,
    message: RightsMessage,
    source: str,
    actor: User | None,
    dry_run: bool = False,
    follows: bool = True,
) -> Applied:
    """Write a message's claims and return the changes; all or nothing.

    Without ``follows``, the caller has conflicts and recordings brought up to date
    later, by the job ``rights.jobs.REVIEW_RIGHTS``.

    ``source`` names the import, for whoever looks where a share comes from. Claims with
    faults stay out, and the faults say why. A dry run counts the same and writes
    nothing.
    """
    changes = Changes.of(message, source)
    _apply_all(changes)
    applied = _summary(changes)
    touched = [
        row
        for case, row in changes.touched.items()
        if case in changes.events and not isinstance(row, Party)
    ]
    if dry_run:
        applied = _foreseen(applied, touched)
        transaction.set_rollback(True)
        return applied
    # Before the events: it adds some of recordings and conflicts.
    if follows:
        follow(touched, user=actor)
    base.audit.services.record_all(
        list(changes.events.values()), actor=actor or base.audit.services.SYSTEM
    )
    return applied


def _foreseen(applied: Applied, touched: Sequence[Record]) -> Applied:
    """Return what was applied with the conflicts and recordings that follow from it.

    The dry run takes the rows back. Filling recordings, which reaches further, is left out.
    """
    events: list[Event] = []
    near = neighbours(touched)
    with handled_events(events.extend):
        refresh(near)
    opened = [event.after for event in events if event.action == "conflict.opened"]
    sounds = [record for record in near if isinstance(record, RightsRecording)]
    with working_for(None):
        uids = {recording.uid for sound in sounds for recording in catalogue_recordings(sound)}
    return replace(
        applied,
        conflicts=frozenset(
            (conflict["record"], conflict["kind"], conflict["right"]) for conflict in opened
        ),
        recordings=frozenset(uids),
    )


def follow(records: Iterable[Record], *, user: User | None) -> None:
    """Bring conflicts and the flat fields of recordings to what records say now."""
    near = neighbours(records)
    refresh(near)
    fill_recordings((record for record in near if isinstance(record, RightsRecording)), user=user)


def _apply_all(changes: Changes) -> None:
    """Apply all claims in the order in which they refer to each other."""
    message = changes.message
    for party in message.parties:
        _apply(changes, party, changes.parties, apply_party)
    linked: dict[str, list[str]] = defaultdict(list)
    for claim in message.recordings:
        _apply(changes, claim, changes.recordings, apply_recording, claim.line)
        for key in claim.works:
            linked[key].append(claim.key)
    for work in message.works:
        recordings = [*work.recordings, *linked.get(work.key, ())]
        apply = partial(apply_work, recordings=recordings)
        _apply(changes, work, changes.works, apply, work.line)
    for release in message.releases:
        _apply(changes, release, changes.releases, apply_release, release.line)
    changes.rows.save()


def _apply(
    changes: Changes,
    claim: Claim,
    rows_by_key: dict[str, Row],
    apply: Callable[[Changes, Claim], Row],
    line: int | None = None,
) -> None:
    """Apply one claim, or note why it stays out: claims are checked, then written."""
    try:
        rows_by_key[claim.key] = apply(changes, claim)
    except ClaimRefused as refused:
        changes.add_fault(refused.line or line, refused.field, refused.value, refused.rule)


def _summary(changes: Changes) -> Applied:
    every = (changes.parties, changes.works, changes.recordings, changes.releases)
    return Applied(
        created=changes.created,
        changed=changes.changed,
        unchanged=changes.unchanged,
        faults=tuple(changes.faults),
        records=tuple(_applied(changes, key, row) for rows in every for key, row in rows.items()),
    )


def _applied(changes: Changes, key: str, row: Party | Record) -> AppliedRecord:
    event = changes.events.get(case_of(row))
    where = changes.origin()
    return AppliedRecord(
        kind=KINDS[type(row)],
        key=key,
        uid=row.uid,
        name=str(row),
        is_new=event is not None and event.action.endswith(".imported"),
        changes={
            name: value
            for name, value in (event.after if event else {}).items()
            if name not in where and name != UNDO
        },
    )

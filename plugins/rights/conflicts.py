"""Finds contradictions, and keeps a row of each that opens and goes by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import singledispatch
from typing import Any, Final

from django.db.models import QuerySet

from base.accounts.reach import working_for
from base.audit.services import EventDraft, record_all
from catalogue.models import Recording
from catalogue.owners import ledger, tis
from catalogue.owners.choices import ConflictKind, ConflictState, StatedField
from catalogue.owners.models import (
    Conflict,
    Release,
    RightsRecording,
    Share,
    Statement,
    Track,
    Work,
)
from catalogue.owners.records import Record, column_of, recordings_naming
from catalogue.owners.texts import folded
from plugins.rights import contradictions
from plugins.rights.matching import writers_of

# Encoders pad and trim, so smaller differences are normal.
DURATION_SLACK_MS: Final = 2_000
# A page shows so many countries and times of one conflict.
_MOST_CELLS: Final = 20


@dataclass(frozen=True, slots=True)
class FoundConflict:
    """A contradiction; ``evidence`` is JSON and says the same as long as nothing changes."""

    kind: ConflictKind
    evidence: Mapping[str, Any]  # Any: JSON
    right: str = ""
    share_kind: str = ""

    @property
    def basis(self) -> str:
        """Return the digest of the evidence."""
        text = json.dumps(self.evidence, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def refresh(records: Iterable[Record], *, today: date | None = None) -> None:
    """Update the conflict rows of some records.

    What the caller may see makes no difference.
    """
    day = today or datetime.now(tz=UTC).date()
    events: dict[str, EventDraft] = {}
    with working_for(None):
        for record in records:
            rows = Conflict.objects.filter(**{column_of(record): record})
            # Lock before looking: who waited must find what the other one wrote.
            locked_rows = list(rows.select_for_update().order_by("pk"))
            conflicts = {
                (conflict.kind, conflict.right, conflict.share_kind): conflict
                for conflict in find(record, day)
            }
            for row in locked_rows:
                key = (ConflictKind(row.kind), row.right, row.share_kind)
                _follow(row, conflicts.pop(key, None), events)
            for conflict in conflicts.values():
                row = Conflict.objects.create(
                    **{column_of(record): record},
                    kind=conflict.kind,
                    right=conflict.right,
                    share_kind=conflict.share_kind,
                    evidence=conflict.evidence,
                    basis=conflict.basis,
                )
                _note(row, "conflict.opened", events)
    record_all(list(events.values()))


def _follow(row: Conflict, current: FoundConflict | None, events: dict[str, EventDraft]) -> None:
    """Change one row if its subject has changed."""
    if current is None:
        if row.state != ConflictState.GONE:
            _become(row, ConflictState.GONE)
            _note(row, "conflict.gone", events)
        return
    if row.basis == current.basis and row.state != ConflictState.GONE:
        return
    reopened = row.state != ConflictState.OPEN
    row.evidence, row.basis = dict(current.evidence), current.basis
    _become(row, ConflictState.OPEN)
    if reopened:
        _note(row, "conflict.opened", events)


def _become(row: Conflict, state: ConflictState) -> None:
    if row.state != ConflictState.OPEN and state == ConflictState.OPEN:
        row.opened_at = datetime.now(tz=UTC)
    row.state, row.has_choice, row.chosen, row.note = state, False, "", ""
    row.settled_by = row.settled_at = None
    row.revision += 1
    row.save()


def _note(row: Conflict, action: str, events: dict[str, EventDraft]) -> None:
    case = f"conflict:{row.uid}"
    events[case] = EventDraft(
        case=case,
        action=action,
        after={
            "kind": row.kind,
            "record": row.subject.uid,
            "right": row.right,
            "evidence": row.evidence,
        },
    )


@singledispatch
def find(record: Record, day: date) -> Iterator[FoundConflict]:
    """Yield what contradicts in a record on a day."""
    raise TypeError(record)


@find.register
def _(work: Work, day: date) -> Iterator[FoundConflict]:
    if work.merged_into_id is not None:
        return
    yield from _in_shares(work.shares, day)
    recordings = Recording.objects.none()
    # Recordings of several works name the ISWC of one of them.
    for recording in work.recordings.all():
        if recording.works.filter(merged_into=None).count() == 1:
            recordings |= recordings_naming(recording)
    stated = _stated(work, StatedField.ISWC, work.iswc)
    stated += [
        {"recording": row.uid, "value": row.iswc}
        for row in recordings.exclude(iswc="").distinct().order_by("pk")
    ]
    yield from _different(ConflictKind.ISWC, stated, str)
    yield from _other_writers(work)


@find.register
def _(recording: RightsRecording, day: date) -> Iterator[FoundConflict]:
    yield from _in_shares(recording.shares, day)
    here = list(recordings_naming(recording).order_by("pk"))
    own = f"{recording.title} {recording.version_title}".strip()
    titles = _stated(recording, StatedField.TITLE, own)
    titles += [
        {"recording": row.uid, "value": f"{row.title} {row.version_title}".strip()} for row in here
    ]
    yield from _different(ConflictKind.TITLE, titles, folded)
    length = recording.duration_ms
    lengths = _stated(recording, StatedField.DURATION, "" if length is None else str(length))
    lengths += [
        {"recording": row.uid, "value": str(row.duration_ms)} for row in here if row.duration_ms
    ]
    numbers = [int(length["value"]) for length in lengths]
    if numbers and max(numbers) - min(numbers) > DURATION_SLACK_MS:
        yield FoundConflict(ConflictKind.DURATION, {"values": lengths})


@find.register
def _(release: Release, day: date) -> Iterator[FoundConflict]:
    stated = _stated(release, StatedField.UPC, release.upc)
    # 12 digits are a UPC, the same with a zero before them its EAN.
    yield from _different(ConflictKind.UPC, stated, lambda code: code.zfill(13))


def _stated(record: Record, field: StatedField, own: str) -> list[dict[str, str]]:
    """Return what each source says of a field, with the value that the record has."""
    rows = Statement.objects.filter(**{column_of(record): record}, field=field)
    statements = [
        {"claimant": row.claimant, "value": row.value} for row in rows.order_by("claimant", "pk")
    ]
    # The value of a person is nobody else's statement.
    if own and own not in {statement["value"] for statement in statements}:
        statements.insert(0, {"claimant": ledger.BY_HAND, "value": own})
    return statements


def _different(
    kind: ConflictKind, stated: list[dict[str, str]], same: Callable[[str], str]
) -> Iterator[FoundConflict]:
    if len({same(row["value"]) for row in stated if row["value"]}) > 1:
        yield FoundConflict(kind, {"values": stated})


def _other_writers(work: Work) -> Iterator[FoundConflict]:
    """Yield that works with one ISWC have other writers, for the first of them."""
    if not work.iswc:
        return
    works = list(Work.objects.filter(iswc=work.iswc, merged_into=None).order_by("pk"))
    if len(works) < 2 or works[0] != work:
        return
    writers = {namesake.uid: writers_of(namesake) for namesake in works}
    if len({frozenset(keys) for keys in writers.values() if keys}) > 1:
        yield FoundConflict(
            ConflictKind.WRITERS, {"works": {uid: sorted(keys) for uid, keys in writers.items()}}
        )


def _in_shares(shares: Any, day: date) -> Iterator[FoundConflict]:  # Any: a related manager
    rows: QuerySet[Share] = shares.filter(withdrawn_at__isnull=True)
    for (right, kind), members in ledger.grouped(rows.select_related("party")).items():
        over, disagree = [], []
        for cell in contradictions.cells(members):
            if contradictions.sources_over(cell):
                over.append(_cell(cell))
            elif contradictions.sources_disagree(cell):
                disagree.append(_cell(cell))
        lapsed = [
            {"share": share.uid, **_where(countries), "until": _day(share.valid_until)}
            for share in members
            if (countries := contradictions.uncovered(members, day=day).get(share.pk, frozenset()))
        ]
        for conflict_kind, cells in (
            (ConflictKind.OVER, over),
            (ConflictKind.OVERLAP, disagree),
            (ConflictKind.LAPSED, lapsed),
        ):
            if cells:
                evidence = {"cells": cells[:_MOST_CELLS], "count": len(cells)}
                yield FoundConflict(conflict_kind, evidence, right, kind)


def _cell(cell: contradictions.Cell) -> dict[str, Any]:  # Any: JSON
    return {
        **_where(cell.countries),
        "from": _day(cell.begin),
        "until": _day(cell.end),
        "claims": [
            {
                "share": share.uid,
                "party": share.party.uid,
                "claimant": share.claimant,
                "percent": None if share.percent is None else str(share.percent),
            }
            for share in cell.shares
        ],
    }


def _where(countries: frozenset[str]) -> dict[str, list[str]]:
    included, excluded = tis.shortest(countries)
    return {"included": included, "excluded": excluded}


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def records_of_party(key: int) -> list[Record]:
    """Return the works and recordings in which a party has shares."""
    works = Work.objects.filter(shares__party=key).distinct()
    recordings = RightsRecording.objects.filter(shares__party=key).distinct()
    return [*works, *recordings]


def neighbours(records: Iterable[Record]) -> list[Record]:
    """Return records with those whose conflicts depend on them, each once."""
    records_by_key: dict[tuple[str, int], Record] = {}
    for record in records:
        records_by_key[column_of(record), record.pk] = record
        near: list[Record] = []
        if isinstance(record, Work):
            near += record.recordings.all()
            if record.iswc:
                near += Work.objects.filter(iswc=record.iswc, merged_into=None)
        elif isinstance(record, RightsRecording):
            near += record.works.filter(merged_into=None)
        else:
            tracks = Track.objects.filter(release=record).select_related("recording")
            near += [track.recording for track in tracks]
        for neighbour in near:
            records_by_key.setdefault((column_of(neighbour), neighbour.pk), neighbour)
    return list(records_by_key.values())

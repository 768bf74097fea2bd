"""What rights state of many recordings at once, for answers to other programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from catalogue.models import Recording
from catalogue.owners import ledger
from catalogue.owners.choices import WRITER_ROLES, ConflictKind, ConflictState, Right, ShareKind
from catalogue.owners.models import Conflict, Share, Work
from catalogue.owners.records import record_keys


@dataclass(slots=True)
class WrittenWork:
    """A work with the shares of its writers, in the order in which they came."""

    work: Work
    writers: list[Share] = field(default_factory=list)


@dataclass(slots=True)
class StatedRights:
    """Who owns the master of a recording on a day, and the works that it plays."""

    masters: list[ledger.Held] = field(default_factory=list)
    works: list[WrittenWork] = field(default_factory=list)


def stated_rights(recordings: Iterable[Recording], *, day: date) -> dict[int, StatedRights]:
    """Return the rights by key of those recordings of which any are known.

    Masters in an open conflict are left out, because nobody knows whose they are.
    """
    keys = {key: records for key, records in record_keys(recordings).items() if records}
    if not keys:
        return {}
    records = frozenset().union(*keys.values())
    masters, works = _masters(records, day), _works(records)
    stated: dict[int, StatedRights] = {}
    for recording, own in keys.items():
        rights = StatedRights()
        written: dict[int, WrittenWork] = {}
        for record in sorted(own):
            rights.masters += masters.get(record, ())
            written |= {work.work.pk: work for work in works.get(record, ())}
        rights.works = [written[key] for key in sorted(written)]
        if rights.masters or rights.works:
            stated[recording] = rights
    return stated


def _masters(records: Collection[int], day: date) -> dict[int, list[ledger.Held]]:
    conflicts = Conflict.objects.filter(
        recording__in=records, right=Right.MASTER, share_kind=ShareKind.OWNERSHIP
    )
    disputed = conflicts.filter(
        kind__in=(ConflictKind.OVER, ConflictKind.OVERLAP), state=ConflictState.OPEN
    )
    chosen: dict[int | None, dict[ledger.Group, str]] = {
        record: {(Right.MASTER, ShareKind.OWNERSHIP): source}
        for record, source in conflicts.filter(
            kind=ConflictKind.OVERLAP, state=ConflictState.SETTLED, has_choice=True
        ).values_list("recording", "chosen")
    }
    claimed: dict[int | None, list[Share]] = defaultdict(list)
    for share in (
        Share.objects.filter(
            recording__in=records,
            right=Right.MASTER,
            kind=ShareKind.OWNERSHIP,
            withdrawn_at__isnull=True,
        )
        .exclude(recording__in=disputed.values("recording"))
        .select_related("party", "controlled_by")
        .order_by("pk")
    ):
        claimed[share.recording_id].append(share)
    return {
        record: ledger.held(shares, day=day, chosen=chosen.get(record))
        for record, shares in claimed.items()
        if record is not None
    }


def _works(records: Collection[int]) -> dict[int, list[WrittenWork]]:
    links = Work.recordings.through.objects.filter(
        rightsrecording__in=records, work__merged_into=None
    ).select_related("work")
    written: dict[int, WrittenWork] = {}
    by_record: dict[int, list[WrittenWork]] = defaultdict(list)
    for link in links.order_by("work"):
        work = written.setdefault(link.work_id, WrittenWork(link.work))
        by_record[link.rightsrecording_id].append(work)
    writers = Share.objects.filter(
        work__in=written, role__in=WRITER_ROLES, withdrawn_at__isnull=True
    )
    for share in writers.select_related("party").order_by("pk"):
        written[share.work_id or 0].writers.append(share)
    return by_record

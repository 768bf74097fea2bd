"""Works, parties and shares of a fictional publisher and label."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from base.audit.services import record as record_event
from catalogue.models import Recording
from catalogue.owners.choices import ConflictKind, Right, ShareKind
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Share, Track, Work
from catalogue.owners.records import Record, case_of, column_of

ISRC = "QZAA02600001"


def record_of(recording: Recording) -> RightsRecording:
    """Return the record of a recording; made if there is none."""
    isrc = recording.isrc_normalised
    fields = {"isrc": isrc} if isrc else {"recording": recording}
    return RightsRecording.objects.get_or_create(**fields)[0]


def own(
    record: Work | RightsRecording, name: str, percent: int = 100, **options: Any
) -> Share:  # Any: any column
    """Let a party own the master right of a recording, or a work's performing right."""
    is_work = isinstance(record, Work)
    values: dict[str, Any] = {  # Any: as above
        column_of(record): record,
        "party": Party.objects.get_or_create(name=name)[0],
        "right": Right.PERFORMING if is_work else Right.MASTER,
        "kind": ShareKind.OWNERSHIP,
        "percent": Decimal(percent),
        "included": ["2136"],
        "claimant": "Example Music",
    } | options
    # Statements follow events.
    record_event(case=case_of(record), action="rights.share_added")
    return Share.objects.create(**values)


def contradict(record: Record, kind: ConflictKind = ConflictKind.OVERLAP) -> Conflict:
    """Open a conflict of a record about who owns it."""
    right = Right.PERFORMING if isinstance(record, Work) else Right.MASTER
    conflict = Conflict.objects.create(
        **{column_of(record): record},
        kind=kind,
        right=right,
        share_kind=ShareKind.OWNERSHIP,
        basis="-",
    )
    record_event(case=f"conflict:{conflict.uid}", action="conflict.opened")
    return conflict


def make_rights() -> RightsRecording:
    """Make a recording with its label, its release, and its work of two parties."""
    record = RightsRecording.objects.create(
        isrc=ISRC, title="Blue Lantern", artists=["The Ferrymen"], label="Harbour Lights"
    )
    own(record, "Harbour Lights", role="RightsController")
    work = Work.objects.create(title="Blue Lantern", iswc="T9000000011")
    work.recordings.add(record)
    own(work, "Muster", 50, role="CA")
    own(work, "Example Music", 50, role="E")
    release = Release.objects.create(title="Night Pier", upc="2000000000015")
    Track.objects.create(release=release, recording=record, position=1)
    return record

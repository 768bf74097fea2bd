"""What identifies records of rights, and how they and catalogue recordings meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from django.db.models import Q, QuerySet

from catalogue.models import Recording, RecordingStatus
from catalogue.owners.models import Party, Release, RightsRecording, Work

Record = Work | RightsRecording | Release
KINDS: Final = {
    Party: "party",
    Work: "work",
    RightsRecording: "rights_recording",
    Release: "release",
}


def case_of(record: Party | Record) -> str:
    """Return the record's case in the audit trail."""
    return f"{KINDS[type(record)]}:{record.uid}"


def column_of(record: Record) -> str:
    """Return the foreign key by which titles, statements and conflicts name a record."""
    if isinstance(record, Work):
        return "work"
    return "recording" if isinstance(record, RightsRecording) else "release"


def recordings_naming(record: RightsRecording) -> QuerySet[Recording]:
    """Return the recordings of the catalogue with its ISRC that the viewer sees."""
    rows = Recording.objects.exclude(status=RecordingStatus.RETIRED)
    if record.isrc:
        return rows.filter(isrc_normalised=record.isrc)
    return rows.filter(rights_record=record)


def catalogue_recordings(record: RightsRecording) -> QuerySet[Recording]:
    """Return the recordings of the catalogue that the viewer sees and it stands for.

    A recording into which others were merged has their records and its own.
    """
    own = Q(rights_record=record)
    if record.isrc:
        own = Q(isrc_normalised=record.isrc) | Q(own_isrc=record.isrc)
    merged = Recording._base_manager.filter(own, merged_into__isnull=False)
    staying = {alias.stands_for_it.pk for alias in merged}
    return Recording.objects.exclude(status=RecordingStatus.RETIRED).filter(own | Q(pk__in=staying))


def record_keys(recordings: Iterable[Recording]) -> dict[int, set[int]]:
    """Return the keys of the rights' records of recordings, by the recording's key.

    These are the records of the recording that stands for it, of all that were merged
    into that one, and of the ISRC that a merge replaced. Access limits do not count,
    because rights do not depend on who asks.
    """
    tops = {recording.pk: recording.stands_for_it for recording in recordings}
    home = {top.pk: top.pk for top in tops.values()}
    homes_of_isrc: dict[str, set[int]] = defaultdict(set)
    for top in tops.values():
        homes_of_isrc[top.isrc_normalised].add(top.pk)
        homes_of_isrc[top.own_isrc].add(top.pk)
    level = list(home)
    while level:
        rows = Recording._base_manager.filter(merged_into__in=level)
        level = []
        for key, into, *isrcs in rows.values_list(
            "pk", "merged_into", "isrc_normalised", "own_isrc"
        ):
            if key not in home:
                home[key] = home[into or 0]
                level.append(key)
                for isrc in isrcs:
                    homes_of_isrc[str(isrc)].add(home[key])
    homes_of_isrc.pop("", None)
    records_of: dict[int, set[int]] = {top.pk: set() for top in tops.values()}
    rights = RightsRecording.objects.filter(Q(recording__in=home) | Q(isrc__in=homes_of_isrc))
    for record, recording, isrc in rights.values_list("pk", "recording", "isrc"):
        for key in homes_of_isrc.get(isrc, ()):
            records_of[key].add(record)
        if recording is not None:
            records_of[home[recording]].add(record)
    return {key: records_of[top.pk] for key, top in tops.items()}


def works_of(records: Iterable[int]) -> dict[int, set[int]]:
    """Return the keys of the works that records embody, by the record's key."""
    links = Work.recordings.through.objects.filter(
        rightsrecording__in=records, work__merged_into=None
    )
    works: dict[int, set[int]] = defaultdict(set)
    for record, work in links.values_list("rightsrecording", "work"):
        works[record].add(work)
    return works


def rights_records(recording: Recording) -> QuerySet[RightsRecording]:
    """Return the records of a recording of the catalogue, as ``record_keys`` does."""
    keys = record_keys([recording])[recording.pk]
    return RightsRecording.objects.filter(pk__in=keys)

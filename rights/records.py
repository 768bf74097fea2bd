"""What identifies records of rights, and how they and catalogue recordings meet."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, QuerySet

from catalogue.models import Recording, RecordingStatus
from catalogue.selectors import with_merged
from rights.models import Party, Release, RightsRecording, Share, Work

Record = Work | RightsRecording | Release
KINDS: Final = {
    Party: "party",
    Work: "work",
    RightsRecording: "rights_recording",
    Release: "release",
}
# What makes two shares the same claim.
_SHARE_VALUES: Final = (
    "party_id",
    "role",
    "right",
    "kind",
    "percent",
    "included",
    "excluded",
    "valid_from",
    "valid_until",
    "controlled_by_id",
    "agreement",
)


def case_of(record: Party | Record) -> str:
    """Return the record's case in the audit trail."""
    return f"{KINDS[type(record)]}:{record.uid}"


def share_values(share: Share) -> tuple[object, ...]:
    """Return what makes two shares the same claim."""
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for value in (getattr(share, name) for name in _SHARE_VALUES)
    )


def column_of(record: Record) -> str:
    """Return the foreign key by which titles, statements and conflicts name a record."""
    if isinstance(record, Work):
        return "work"
    return "recording" if isinstance(record, RightsRecording) else "release"


def catalogue_recordings(record: RightsRecording) -> QuerySet[Recording]:
    """Return the recordings of the catalogue that the viewer sees and it stands for."""
    rows = Recording.objects.exclude(status=RecordingStatus.RETIRED)
    if record.isrc:
        return rows.filter(isrc_normalised=record.isrc)
    return rows.filter(rights_record=record)


def rights_records(recording: Recording) -> QuerySet[RightsRecording]:
    """Return the records of a recording of the catalogue and of those merged into it."""
    keys = with_merged(recording)
    isrcs = (
        Recording.objects.filter(pk__in=keys)
        .exclude(isrc_normalised="")
        .values_list("isrc_normalised", flat=True)
    )
    return RightsRecording.objects.filter(
        Q(recording__in=keys) | Q(isrc__in=list(isrcs))
    )

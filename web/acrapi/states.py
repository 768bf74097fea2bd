"""The protocol's numbers for states."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from catalogue.models import RecordingStatus
from scanning.choices import FileStatus
from scanning.models import ScannedFile

PROCESSING, READY, NO_RESULT, UNREADABLE, INTERNAL = 0, 1, -1, -2, -3

# Failures on our side or of another engine, not of the file.
_INTERNAL_CODES = (
    "engine_error",
    "acrcloud_error",
    "cloud_token",
    "cloud_container",
    "cloud_unreachable",
    "cloud_silent",
)

_FILE_STATES: dict[str, int] = {
    FileStatus.WAITING: PROCESSING,
    FileStatus.PROCESSING: PROCESSING,
    FileStatus.READY: READY,
    FileStatus.NO_MATCH: NO_RESULT,
    FileStatus.NEEDS_AUDIO: UNREADABLE,
    FileStatus.ERROR: UNREADABLE,
    FileStatus.CANCELLED: UNREADABLE,
}
_RECORDING_STATES: dict[str, int] = {
    RecordingStatus.WAITING: 0,
    RecordingStatus.PROCESSING: 0,
    RecordingStatus.READY: 1,
    RecordingStatus.ERROR: -1,
}


def file_state(file: ScannedFile) -> int:
    """Return the state of a scanned file."""
    if file.status == FileStatus.ERROR and file.error_code in _INTERNAL_CODES:
        return INTERNAL
    return _FILE_STATES[file.status]


def file_state_filter(states: Iterable[int]) -> Q:
    """Return the condition for files in one of ``states``."""
    # Matches nothing, so that an empty list of states finds no file.
    condition = Q(pk__in=[])
    for state in states:
        if state == INTERNAL:
            condition |= Q(status=FileStatus.ERROR, error_code__in=_INTERNAL_CODES)
            continue
        statuses = [name for name, number in _FILE_STATES.items() if number == state]
        condition_of_state = Q(status__in=statuses)
        if state == UNREADABLE:
            condition_of_state &= ~Q(status=FileStatus.ERROR, error_code__in=_INTERNAL_CODES)
        condition |= condition_of_state
    return condition


def recording_state(status: str) -> int:
    """Return the state of a bucket's file."""
    return _RECORDING_STATES[status]


def recording_statuses(state: int) -> list[str]:
    """Return the statuses that map to ``state``."""
    return [name for name, number in _RECORDING_STATES.items() if number == state]


LISTED_RECORDING_STATUSES = tuple(_RECORDING_STATES)

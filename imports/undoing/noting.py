"""Notes the events of an import, each in the transaction of its change.

Every change is an event with its values before, so that one mechanism serves all kinds
of imports: their events are listed, and ``UNDOERS`` says how each is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final

from audit.models import Event
from audit.services import handled_events
from imports.models import ImportStep

UNDOERS: Final = {
    "recording.added": "imports.undoing.recordings.retire",
    "recording.changed": "imports.undoing.recordings.restore_columns",
    "recording.awaited": "imports.undoing.moves.give_back_recording",
    "recording.audio_given": "imports.undoing.moves.take_audio_back",
    "recording.audio_replaced": "imports.undoing.recordings.keep_audio",
    "exclusion.added": "imports.undoing.recordings.remove_exclusion",
    "file.broadcast_added": "imports.undoing.broadcasts.delete_broadcast",
    "file.broadcast_changed": "imports.undoing.broadcasts.restore_broadcast",
    "file.episode_changed": "imports.undoing.broadcasts.restore_episode",
    "file.audience_changed": "imports.undoing.broadcasts.restore_audience",
    "station.audience_changed": "imports.undoing.broadcasts.restore_figures",
    "file.submitted": "imports.undoing.results.delete_file",
    "results.imported": "imports.undoing.results.keep_scan",
    "bucket.created": "imports.undoing.moves.delete_bucket",
    "container.created": "imports.undoing.moves.delete_container",
    "station.added": "imports.undoing.moves.keep_station",
    "stream.added": "imports.undoing.moves.delete_stream",
    "claims.imported": "imports.undoing.platforms.restore",
    "rights.imported": "imports.undoing.rights.remove_record",
    "rights.import_changed": "imports.undoing.rights.restore_record",
}
"""The path of the function that takes back an event of each action."""

HOW_TO_UNDO: Final = "Undo it with: manage.py undo_import %s --username NAME"


def noted(uid: str) -> AbstractContextManager[None]:
    """Note the events of an import while the block runs; an empty uid notes none."""
    return handled_events(partial(_note, uid)) if uid else nullcontext()


def _note(uid: str, events: Iterable[Event]) -> None:
    ImportStep.objects.bulk_create(
        ImportStep(import_uid=uid, event=event)
        for event in events
        if event.action in UNDOERS
    )

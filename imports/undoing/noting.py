"""Notes the events of an import, each in the transaction of its change.

Every change is an event with its values before, so that one mechanism serves all kinds
of imports; each names the events that can be taken back, and how.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final

from base.audit.models import Event
from base.audit.services import handled_events
from imports.kinds import undoer_of
from imports.models import ImportStep

HOW_TO_UNDO: Final = "Undo it with: manage.py undo_import %s --username NAME"


def noted(uid: str) -> AbstractContextManager[None]:
    """Note the events of an import while the block runs; an empty uid notes none."""
    return handled_events(partial(_note, uid)) if uid else nullcontext()


def _note(uid: str, events: Iterable[Event]) -> None:
    ImportStep.objects.bulk_create(
        ImportStep(import_uid=uid, event=event) for event in events if undoer_of(event.action)
    )

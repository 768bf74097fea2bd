"""Makes a change and takes it back, so that its preview cannot differ from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from audit.models import Event
from audit.services import events_recorded


@contextmanager
def taken_back() -> Iterator[list[Event]]:
    """Roll back all that the block writes; yield the events that it recorded so far.

    Jobs and messages that wait for the commit go with it. Rows that the block read keep
    its values in memory, so let it read its own.
    """
    with transaction.atomic(), _recorded() as events:
        yield events
        transaction.set_rollback(True)


@contextmanager
def _recorded() -> Iterator[list[Event]]:
    """Collect the events of this thread: others record theirs at the same time."""
    found: list[Event] = []
    here = threading.get_ident()

    def note(events: Sequence[Event], **_signal: Any) -> None:  # Any: of signals
        if threading.get_ident() == here:
            found.extend(events)

    events_recorded.connect(note)
    try:
        yield found
    finally:
        events_recorded.disconnect(note)

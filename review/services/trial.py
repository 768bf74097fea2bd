"""Makes a change and takes it back, so that its preview cannot differ from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from base.audit.models import Event
from base.audit.services import handled_events


@contextmanager
def taken_back() -> Iterator[list[Event]]:
    """Roll back all that the block writes; yield the events that it recorded so far.

    Jobs and messages that wait for the commit go with it. Rows that the block read keep
    its values in memory, so let it read its own.
    """
    events: list[Event] = []
    with transaction.atomic(), handled_events(events.extend):
        yield events
        transaction.set_rollback(True)

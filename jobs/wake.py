"""Tells workers that there is something to do.

Workers of ``manage.py worker`` look by themselves. Those of a broker get a message,
which says only that: the rows decide what runs.
"""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import transaction

from jobs.choices import Pool


def wake(pool: Pool) -> None:
    """Let a worker of a pool look for jobs once the open transaction commits."""
    if settings.BROKER_URL:
        # Most installations have no broker and skip the import.
        from jobs import broker

        transaction.on_commit(partial(broker.send, pool))

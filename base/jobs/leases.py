"""Leases: which worker runs a job, and until when.

A worker renews its lease while it runs a job. If the worker dies, the lease ends, and
another worker runs the job again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings

from base.jobs import clock
from base.jobs.choices import Pool
from base.jobs.models import Job

NO_LEASE: dict[str, object] = {"lease_owner": "", "lease_until": None}
# Workers renew leases with a beat a second, and may miss a few.
_LEAST_SECONDS = 5.0
# What nobody listens to is lost, so others take it over sooner.
_STREAM_SECONDS = 15

_Lease = tuple[int, str, int, datetime | None]


def worker_name() -> str:
    """Return host and process id, unique among live workers."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def lease_seconds(pool: str) -> int:
    """Return how long a lease of a pool's jobs lasts."""
    length: int = settings.ACRPORTAL_LEASE_SECONDS
    return min(length, _STREAM_SECONDS) if pool == Pool.STREAM else length


def lease_end(pool: str = Pool.WORK) -> datetime:
    """Return the end of a lease taken or renewed now."""
    return clock.now() + timedelta(seconds=lease_seconds(pool))


class LeaseMemory:
    """Tells lost jobs from those whose worker lives while a clock jumps.

    A living worker renews its leases, so a lease that changes is in use, whatever the
    clock says. A lease that stays as it is for its whole length has run out, whatever
    the clock says. The memory holds since when each lease has been seen as it is.
    """

    def __init__(self) -> None:
        self._since: dict[_Lease, float] = {}
        self._looked = monotonic()

    def lost(self, running: Iterable[Job]) -> list[Job]:
        """Return the jobs whose leases ran out, given all that run."""
        jobs: dict[_Lease, Job] = {
            (job.pk, job.lease_owner, job.attempts, job.lease_until): job for job in running
        }
        now = monotonic()
        if now - self._looked > settings.ACRPORTAL_LEASE_SECONDS:
            # The machine was suspended, and its other workers with it.
            self._since.clear()
        self._looked = now
        self._since = {lease: self._since.get(lease, now) for lease in jobs}
        return [
            job for lease, job in jobs.items() if self._is_lost(lease, now, lease_seconds(job.pool))
        ]

    def _is_lost(self, lease: _Lease, now: float, length: int) -> bool:
        unchanged = now - self._since[lease]
        # Longer than a worker takes between two renewals.
        if unchanged < max(_LEAST_SECONDS, length / 4):
            return False
        _job, _owner, _attempts, until = lease
        return unchanged > length or until is None or until < clock.now()

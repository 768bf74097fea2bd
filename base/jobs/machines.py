"""What machines can do: each worker states the duties of its machine, for all to read.

A machine is a data folder on a host. A worker states again and again for each of its
pools, so that jobs, pages and ``doctor`` know which duties somebody does.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db.models import Count, QuerySet

from base.jobs import clock, resources
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job, Machine

UNSEEN_AFTER = timedelta(minutes=2)
"""A machine that is silent for longer counts as unseen."""
_FORGOTTEN_AFTER = timedelta(days=1)
_LOOK_SECONDS = 1.0
_STATE_SECONDS = 20.0


class Statements:
    """States the duties of this machine for some pools of its workers."""

    def __init__(self, pools: Collection[Pool]) -> None:
        self._pools = pools
        self._looked_at = self._stated_at = float("-inf")
        self._stated: dict[str, str] | None = None

    def renew(self) -> None:
        """State the duties if they changed or were stated long ago; a cheap call."""
        if monotonic() - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        duties = resources.duties_here()
        if duties == self._stated and monotonic() - self._stated_at < _STATE_SECONDS:
            return
        now = clock.now()
        host, folder = _host_and_folder()
        for pool in self._pools:
            Machine.objects.update_or_create(
                host=host, folder=folder, pool=pool, defaults={"duties": duties, "seen_at": now}
            )
        Machine.objects.filter(seen_at__lt=now - _FORGOTTEN_AFTER).delete()
        self._stated, self._stated_at = duties, monotonic()


def _host_and_folder() -> tuple[str, str]:
    return socket.gethostname()[:255], str(settings.ACRPORTAL_DATA_DIR)[:1000]


def seen() -> QuerySet[Machine]:
    """Return what machines stated lately."""
    return Machine.objects.filter(seen_at__gt=clock.now() - UNSEEN_AFTER)


def others() -> QuerySet[Machine]:
    """Return what other machines stated within a day."""
    host, folder = _host_and_folder()
    return Machine.objects.exclude(host=host, folder=folder)


def done_duties() -> dict[Pool, set[str]]:
    """Return the duties that workers do, by their pools; only pools that have workers."""
    duties: dict[Pool, set[str]] = {}
    for machine in seen():
        duties.setdefault(Pool(machine.pool), set()).update(machine.duties)
    return duties


def undone_duties() -> dict[str, int]:
    """Return how many jobs wait for each duty that nobody does."""
    waiting = Job.objects.filter(state=JobState.WAITING).exclude(duty="")
    rows = waiting.order_by().values_list("pool", "duty").annotate(jobs=Count("pk"))
    done = done_duties()
    return {duty: count for pool, duty, count in rows if duty not in done.get(Pool(pool), ())}


def contradictions() -> dict[str, dict[str, list[str]]]:
    """Return the duties that machines do differently: by what they state, the hosts."""
    stated: defaultdict[str, defaultdict[str, set[str]]]
    stated = defaultdict(lambda: defaultdict(set))
    for machine in seen():
        for duty, mark in machine.duties.items():
            stated[duty][mark].add(machine.host)
    return {
        duty: {mark: sorted(hosts) for mark, hosts in marks.items()}
        for duty, marks in stated.items()
        if len(marks) > 1
    }


@dataclass(frozen=True, slots=True)
class MachineReport:
    """What a machine's workers do, for the jobs page."""

    host: str
    folder: str
    duties: tuple[str, ...]
    seen_at: datetime
    is_seen: bool


def machine_list() -> list[MachineReport]:
    """Return the machines whose workers stated their duties within a day."""
    limit = clock.now() - UNSEEN_AFTER
    reports: dict[tuple[str, str], MachineReport] = {}
    for machine in Machine.objects.order_by("host", "folder", "seen_at"):
        words = tuple(sorted(map(resources.duty_words, machine.duties)))
        reports[machine.host, machine.folder] = MachineReport(
            *(machine.host, machine.folder, words, machine.seen_at), is_seen=machine.seen_at > limit
        )
    return list(reports.values())

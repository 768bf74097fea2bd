"""The machines of the season's workers: one with all partitions, or one for each.

Operators change the number of partitions, and switch machines off and on again. All
machines share the season's folder, in which each partition has a folder of its own.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import time_machine
from django.conf import settings

from base.jobs.choices import JobState
from base.jobs.models import Job
from catalogue import following
from scanning.jobs import SCAN
from tests.season import workers

# A scan asks each partition several times, and waits up to half a minute for answers.
_TURNS = 12
_TURNS_IN_VAIN = 3
_BETWEEN = timedelta(seconds=31)


class Machines:
    """How many partitions the catalogue has, and which machine is switched off."""

    def __init__(self, time: time_machine.Traveller, spare: workers.Spare) -> None:
        self._time, self._spare = time, spare
        self.were_many = False
        self.be(1)

    def be(self, count: int) -> None:
        """Split the catalogue into so many partitions, as the guide to scaling says."""
        self._count, self._away, self._has_whole = count, 0, False
        self.were_many = self.were_many or count > 1
        settings.ACRPORTAL_PARTITIONS = count
        for folder in Path(settings.ACRPORTAL_DATA_DIR).glob("index*"):
            if folder.is_dir() and folder.name not in self._folders():
                # A job that was just ended may still write there.
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(folder, ignore_errors=True)

    def come_back(self) -> None:
        """Switch all machines on, and add one with all partitions.

        Comparisons of recordings, as in imports, wait for such a machine.
        """
        self._away, self._has_whole = 0, True

    def change(self, rng: random.Random) -> str:
        """Do what an operator does with the machines; return it in words."""
        if self._count > 1 and rng.random() < 0.6:
            self._away = 0 if self._away else rng.randint(1, self._count)
            return f"machine {self._away} is off" if self._away else "all are on"
        self.be(rng.choice([1, 2, 3]))
        return f"the catalogue has {self._count} partitions"

    def work(self) -> None:
        """Let the machines that are on do all queued work, in turns."""
        turns = _TURNS_IN_VAIN if self._away else _TURNS
        for _ in range(turns):
            for held in self._held():
                with _holding(held):
                    workers.work()
            waiting = Job.objects.filter(kind=SCAN.name, state=JobState.WAITING)
            if self._count == 1 or not waiting.exists():
                break
            self._time.shift(_BETWEEN)

    def work_until_killed(self, rng: random.Random) -> None:
        """Let the worker of one machine work for a while, then kill it."""
        seconds = rng.choice([0.05, 0.2, 0.5, 1.0])
        self._spare.work_until_killed(seconds, self._count, rng.choice(self._held()))

    def _held(self) -> list[list[int] | None]:
        """Return what each machine that is on holds; None is everything."""
        if self._count == 1:
            return [None]
        numbers = range(1, self._count + 1)
        parts = [[number] for number in numbers if number != self._away]
        return [*parts, None] if self._has_whole else [*parts]

    def _folders(self) -> set[str]:
        if self._count == 1:
            return {"index"}
        numbers = range(1, self._count + 1)
        return {f"index-{number}-of-{self._count}" for number in numbers}


@contextmanager
def _holding(held: list[int] | None) -> Iterator[None]:
    """Let the block be a machine with these partitions; web servers hold all."""
    settings.ACRPORTAL_HELD_PARTITIONS = held
    # What this process told of another machine says nothing of this one.
    following._reported.clear()
    try:
        yield
    finally:
        settings.ACRPORTAL_HELD_PARTITIONS = None

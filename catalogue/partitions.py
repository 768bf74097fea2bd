"""Which recordings the index of this machine holds: all, or those of some partitions.

A recording belongs to one of ``ACRPORTAL_PARTITIONS``. ``ACRPORTAL_HELD_PARTITIONS`` says
which of them this machine holds. With one partition, nothing here has any effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from base.jobs.resources import Duty, register_duty
from recognition.errors import IndexPartial
from recognition.partitioned.union import partition_of

_DUTY: Final = "partition"
_WHOLE: Final = f"{_DUTY}:all"


@dataclass(frozen=True, order=True, slots=True)
class Partition:
    """One of ``count`` parts of the catalogue, numbered from 1."""

    number: int
    count: int

    def holds(self, recording: int) -> bool:
        """Return whether a recording belongs to it."""
        return partition_of(recording, self.count) == self.number

    @property
    def duty(self) -> str:
        """The duty of the machines that hold it."""
        return f"{_DUTY}:{self.number} of {self.count}"

    @property
    def folder(self) -> Path:
        """The folder of this machine's copy of its index."""
        name = "index"
        if self.count > 1:
            name = f"index-{self.number}-of-{self.count}"
        folder: Path = settings.ACRPORTAL_DATA_DIR / name
        return folder


def every() -> list[Partition]:
    """Return all partitions of the catalogue."""
    count: int = settings.ACRPORTAL_PARTITIONS
    return [Partition(number, count) for number in range(1, count + 1)]


def held() -> list[Partition]:
    """Return the partitions that this machine holds."""
    numbers: list[int] | None = settings.ACRPORTAL_HELD_PARTITIONS
    return [partition for partition in every() if numbers is None or partition.number in numbers]


def are_all_held() -> bool:
    """Return whether this machine can search the whole catalogue by itself."""
    return held() == every()


def duty_of_all() -> str:
    """Return the duty of machines that hold all partitions; "" where each holds all."""
    return _WHOLE if len(every()) > 1 else ""


def elsewhere() -> IndexPartial:
    """Return the error of work that needs partitions which this machine does not hold."""
    missing = [str(partition.number) for partition in every() if partition not in held()]
    return IndexPartial(
        _(
            "This machine does not hold partition %(numbers)s of %(count)s, and this "
            "work needs the whole catalogue. Do it on a machine that holds all "
            "partitions."
        )
        % {"numbers": ", ".join(missing), "count": len(every())}
    )


def _duties() -> dict[str, str]:
    if len(every()) == 1:
        return {}
    duties = {partition.duty: "" for partition in held()}
    return duties | ({_WHOLE: ""} if are_all_held() else {})


def _words(part: str) -> str:
    if part == "all":
        return _("all partitions of the catalogue")
    number, _of, count = part.partition(" of ")
    return _("partition %(number)s of %(count)s") % {"number": number, "count": count}


def _remedy(_part: str) -> str:
    return _("Start the worker of such a machine.")


register_duty(Duty(_DUTY, here=_duties, words=_words, remedy=_remedy))

"""What jobs need: resources that can be away, and duties that only some machines do.

A process that meets a resource away begins no job that needs it for a while; the first
job after that tries again. A duty is what a job needs on its machine's disk, such as a
key or an index: only machines that have it take the job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.utils.translation import gettext as _

from base.jobs import installation
from base.jobs.errors import Blocked

INDEX = "index"
"""This machine's copy of the landmark index."""
STORAGE = "storage"
"""The storage of files. No kind names it as a need: each has its own files."""
DISK = "disk"
"""Room for files. No kind names it as a need, since most of their work needs none."""

OUTSIDE = "outside"
"""Other people and servers, whom only the real installation may reach."""

PAUSE = timedelta(seconds=30)

_blocked_until: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Duty:
    """What some jobs need on the disk of their machine.

    ``here`` returns the names of what this machine has. A name is that of the duty, or
    that and a part: ``partition:2``. The values tell apart what must be the same on all
    machines, such as the id of a key. ``words`` names a part, ``remedy`` says what
    gives a machine the duty.
    """

    name: str
    here: Callable[[], Mapping[str, str]]
    words: Callable[[str], str]
    remedy: Callable[[str], str]


_duties: dict[str, Duty] = {}


def register_duty(duty: Duty) -> Duty:
    """Make a duty known; a name is registered once."""
    if duty.name in _duties:
        raise ValueError(f"The duty {duty.name} is registered twice.")
    _duties[duty.name] = duty
    return duty


def unregister_duty(duty: Duty) -> None:
    """Forget a duty, as tests do with theirs."""
    del _duties[duty.name]


def duties_here() -> dict[str, str]:
    """Return the duties that this machine can do now, by name."""
    return {
        name: mark
        for duty in _duties.values()
        for name, mark in duty.here().items()
        if not are_blocked({name})
    }


def duty_words(name: str) -> str:
    """Return what a machine with a duty has, in words."""
    duty, _colon, part = name.partition(":")
    # A newer version, or a portal with more plug-ins, may have asked for it.
    return _duties[duty].words(part) if duty in _duties else name


def duty_remedy(name: str) -> str:
    """Return what gives a machine a duty."""
    duty, _colon, part = name.partition(":")
    return _duties[duty].remedy(part) if duty in _duties else _("Start its worker.")


def why_nobody(name: str) -> str:
    """Return that no machine does a duty, and what to do about it."""
    text = _("No worker that has %(duty)s was seen lately; it waits for one. %(why)s")
    return text % {"duty": duty_words(name), "why": duty_remedy(name)}


def block(resource: str) -> None:
    """Begin no job that needs a resource for a while."""
    if resource == OUTSIDE:
        # The database says at each look whether this installation may reach out.
        return
    _blocked_until[resource] = monotonic() + PAUSE.total_seconds()


def unblock(needs: Iterable[str]) -> None:
    """Note that resources answered."""
    for resource in needs:
        _blocked_until.pop(resource, None)


def require_outside() -> None:
    """Raise ``Blocked`` in a copy, where a job may do all but reach out."""
    if installation.is_paused():
        raise Blocked(OUTSIDE)


def are_blocked(needs: Iterable[str]) -> bool:
    """Return whether one of the resources was away a short while ago."""
    now = monotonic()
    return any(_blocked_until.get(resource, 0.0) > now for resource in needs)

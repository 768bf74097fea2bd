"""The kinds of jobs, which each package registers in its own ``jobs.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.functional import Promise

from base.jobs.choices import JobState, Pool, Priority

# Any in this module: a row of the kind's own model.
Subject = Any
Ended = Callable[[Subject, JobState, str, str], None]

# As many as the columns of subjects hold.
_CAUSE_CHARACTERS = 500


def _pause_after(attempts: int) -> timedelta:
    """Double the pause with each failed attempt, up to 32 minutes."""
    return timedelta(seconds=30 * 2 ** min(attempts - 1, 6))


def _usual_attempts() -> int | None:
    return settings.ACRPORTAL_MAX_ATTEMPTS


def without_limit() -> int | None:
    """Let a kind be tried until it succeeds."""
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of job works on, how it is scheduled, and where its state shows.

    ``work`` is the path of a function that takes a ``JobContext``; it is imported by
    workers only, so that web processes load no engine. Regular work has no ``model``.
    """

    name: str
    model: type[models.Model] | None
    work: str
    label: str | Promise
    pool: Pool = Pool.WORK
    priority: Priority = Priority.USUAL
    key: Callable[[Subject], str] = lambda subject: str(subject.pk)
    """Two open jobs of a kind never have the same key; "" never repeats."""
    lane: Callable[[Subject], str] | None = None
    """Jobs of one lane take turns with those of others."""
    lane_limit: Callable[[], int] = lambda: 0
    """How many jobs of one lane run at once; 0 for any number."""
    needs: frozenset[str] = frozenset()
    """Resources without which no job of the kind is begun."""
    duty: Callable[[Subject], str] = lambda _subject: ""
    """The duty that the machine of a job must do; see ``jobs.resources.Duty``."""
    max_attempts: Callable[[], int | None] = _usual_attempts
    pause: Callable[[int], timedelta] = _pause_after
    """How long a job waits after its first, second, … failed attempt."""
    gives_way: bool = False
    """Lets jobs that a person waits for run in between."""
    hand_back_after: float | None = None
    """Seconds after which a worker that shuts down gives the job back; None: never."""
    mirror: Mapping[JobState, str] = field(default_factory=dict)
    """The subject's ``status_field`` for each state of the job that shows there."""
    status_field: str = "status"
    keeps: frozenset[str] = frozenset()
    """Values of ``status_field`` that no job changes, such as that of a retired row."""
    cause_field: str = ""
    """The subject's column for the final cause, if it has one."""
    on_end: Ended | None = None
    """Called with subject, state, code and cause, in the transaction that fails or
    cancels a job."""
    page: Callable[[Subject], str] = lambda _subject: ""
    """The address of the page on which people inspect the subject, if there is one."""
    title: Callable[[Subject], str] = str
    """What a job is about, for lists of jobs."""
    related: tuple[str, ...] = ()
    """Relations of the subject that ``title`` and its page read."""
    visible: Callable[[], models.QuerySet[Any] | None] = lambda: None
    """The rows whose jobs the viewer may see; None: those within their access limits."""
    unresolved: Callable[[models.QuerySet[Any]], models.QuerySet[Any]] | None = None
    """Leaves out rows whose failure no longer matters; a later job of the same key
    settles a failure anyway."""
    every: timedelta | None = None
    """How long after it has ended the job begins again; see ``base.jobs.periodic``."""

    def find_subject(self, subject: int | None) -> Subject:
        """Return the row of a job; None if the kind has none.

        Raises ``ObjectDoesNotExist`` if it was deleted.
        """
        return self.model and self.model._base_manager.get(pk=subject)

    def show(
        self, subject: int | None, state: JobState, cause: str = "", /, **columns: Any
    ) -> None:  # Any: of the subject's own row, which may have a ``state`` too
        """Write a job's state to its subject's row, with other columns of that row."""
        if state in self.mirror:
            columns.setdefault(self.status_field, self.mirror[state])
            if self.cause_field:
                columns.setdefault(self.cause_field, cause[:_CAUSE_CHARACTERS])
        if columns and self.model is not None:
            rows = self.model._base_manager.filter(pk=subject)
            if self.keeps:
                rows = rows.exclude(**{f"{self.status_field}__in": self.keeps})
            rows.update(**columns)


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known; a name is registered once."""
    if kind.name in _kinds:
        raise ValueError(f"The kind of job {kind.name} is registered twice.")
    _kinds[kind.name] = kind
    return kind


def unregister(kind: Kind) -> None:
    """Forget a kind, as tests of the runner do with theirs."""
    del _kinds[kind.name]


def find_kind(name: str) -> Kind | None:
    """Return a kind by its name; None where no package registers it any more."""
    return _kinds.get(name)


def all_kinds() -> list[Kind]:
    return [_kinds[name] for name in sorted(_kinds)]


def regular_work() -> list[str]:
    """Return the names of the kinds that begin again by the clock."""
    return [kind.name for kind in all_kinds() if kind.every is not None]

"""What work knows of its job: its subject, and how to report, pause and finish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from time import monotonic
from typing import Any, NoReturn

from django.db import connection, transaction
from django.db.models import QuerySet

from base.accounts.models import User
from base.common.phrases import for_the_record
from base.jobs import clock, draining, installation, resources, selectors
from base.jobs.choices import JobState
from base.jobs.errors import Cancelled, HandedBack, LeaseLost, WaitsUntil
from base.jobs.kinds import Kind, Subject
from base.jobs.leases import NO_LEASE, lease_end, lease_seconds
from base.jobs.models import Job

# Work that reports nothing for so long hangs: its lease runs out.
_SILENCE_SECONDS = 300.0
# How often a lease is renewed while it lasts.
_RENEWALS = 6


_asker: ContextVar[User | None] = ContextVar("asker", default=None)


def person_behind() -> User | None:
    """Return the person who asked for the job that runs here, if somebody did."""
    return _asker.get()


class JobContext:
    """One attempt of one job.

    Everything written through it is refused once another worker has the job, so that
    a worker that was paused for longer than its lease changes nothing.
    """

    def __init__(
        self,
        job: Job,
        kind: Kind,
        subject: Subject,
        *,
        give_way: Callable[[], None] | None = None,
        goes_before: JobContext | None = None,
    ) -> None:
        self.job, self.kind, self.subject = job, kind, subject
        self.is_finished = False
        # Without it, the process does the job for a person who waits.
        self._give_way = give_way
        # The work that waits for this job: as long as this reports, that does.
        self._goes_before = goes_before
        self._own_transaction = connection.in_atomic_block
        self._progress, self._stage = job.progress, job.stage
        self._written = (job.progress, job.stage)
        self._renewed_at = monotonic()
        self._is_lost = self._is_cancelled = self._somebody_waits = False
        self._must_rest = False
        self._note_report()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let jobs that the work asks for be those of the person who asked for it."""
        token = _asker.set(self.job.requested_by)
        try:
            yield
        finally:
            _asker.reset(token)

    def report(self, share: float | None = None, stage: str = "") -> None:
        """Note how far the work is, and stop it here if it must not go on.

        ``share`` is 0 to 1. Cheap enough for every second of sound: the row is written
        once a second by another thread. Raises a subclass of ``Stopped``.
        """
        if share is not None:
            self._progress = min(100, max(0, int(100 * share)))
        self._stage = stage or self._stage
        self.look()
        if self._give_way is not None and self._somebody_waits:
            self._somebody_waits = False
            self._give_way()
            self._note_report()

    def look(self) -> None:
        """Stop the work here if it must not go on; nobody else's goes before it.

        A search calls it anywhere, also while it holds a lock that others wait for.
        """
        self._note_report()
        if self._own_transaction:
            self.beat()
        if self._is_lost:
            raise LeaseLost
        if self._is_cancelled:
            raise Cancelled
        if self._must_rest:
            raise HandedBack
        limit = self.kind.hand_back_after
        is_in_worker = self._give_way is not None
        if is_in_worker and limit is not None and draining.seconds() > limit:
            raise HandedBack

    def _note_report(self) -> None:
        self._reported_at = monotonic()
        if self._goes_before is not None:
            self._goes_before._note_report()

    def finish(self, **columns: Any) -> None:  # Any: of the subject's own row
        """End the job as done and write its subject's columns in one transaction.

        Raises ``LeaseLost``, having written nothing.
        """
        with transaction.atomic():
            self.leave(JobState.DONE, progress=100, finished_at=clock.now(), cause="")
            self.kind.show(self.job.subject, JobState.DONE, **columns)
        self.is_finished = True

    def write(self, **columns: Any) -> None:  # Any: as below
        """Write columns of the subject during the work, such as counts.

        Raises ``LeaseLost``, having written nothing.
        """
        with transaction.atomic():
            if not self._leased_row().update(lease_until=lease_end(self.job.pool)):
                raise LeaseLost
            self.kind.show(self.job.subject, JobState.RUNNING, **columns)

    def wait_until(self, at: datetime, cause: str = "") -> NoReturn:
        """Let the job wait until then, and reset its attempts."""
        raise WaitsUntil(at, cause)

    def leave(self, state: JobState, **columns: object) -> None:
        """Give the job up to another state; raise ``LeaseLost`` if it is not ours."""
        written = columns | NO_LEASE | {"state": state}
        if not self._leased_row().update(**written):
            raise LeaseLost

    def end(self, state: JobState, code: str, cause: str) -> None:
        """Fail or cancel the job and tell its subject in the same transaction."""
        with transaction.atomic():
            now = clock.now()
            self.leave(state, code=code, cause=cause[:1000], finished_at=now)
            self.kind.show(self.job.subject, state, cause)
            if self.kind.on_end is not None:
                with for_the_record():
                    self.kind.on_end(self.subject, state, code, cause)
        self.is_finished = True

    def put_off(self, cause: str = "", **columns: object) -> None:
        """Let the job wait again, or end if it is to be cancelled.

        The subject shows why it waits.
        """
        if self._leased_row().filter(cancel_requested=True).exists():
            self.end(JobState.CANCELLED, "", "")
            return
        with transaction.atomic():
            self.leave(JobState.WAITING, progress=0, cause=cause[:1000], **columns)
            self.kind.show(self.job.subject, JobState.WAITING, cause)

    def beat(self) -> None:
        """Write progress, renew the lease and look for a request to cancel.

        Called twice a second by the lease keeper's thread.
        """
        now = monotonic()
        # A person who takes a stream may pause it.
        if self._give_way and now - self._reported_at > _SILENCE_SECONDS:
            return
        columns: dict[str, object] = {}
        seen = (self._progress, self._stage)
        if seen != self._written:
            columns |= {"progress": seen[0], "stage": seen[1]}
        if now - self._renewed_at > lease_seconds(self.job.pool) / _RENEWALS:
            columns["lease_until"] = lease_end(self.job.pool)
        if columns and self._leased_row().update(**columns):
            self._written = seen
            if "lease_until" in columns:
                self._renewed_at = now
        cancel_requested = self._leased_row().values_list("cancel_requested", flat=True).first()
        self._is_lost = cancel_requested is None and not self.is_finished
        self._is_cancelled = bool(cancel_requested)
        self._must_rest = resources.OUTSIDE in self.kind.needs and installation.is_paused()
        if self._give_way and self.kind.gives_way:
            waiting = selectors.due(self.kind.pool, for_people=True)
            self._somebody_waits = waiting.exists()

    def _leased_row(self) -> QuerySet[Job]:
        return Job.objects.filter(
            pk=self.job.pk,
            state=JobState.RUNNING,
            lease_owner=self.job.lease_owner,
            # The same worker may have lost the job and taken it again.
            attempts=self.job.attempts,
        )

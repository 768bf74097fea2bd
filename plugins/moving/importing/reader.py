"""Reads an account at a steady pace, and waits when it refuses calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any, Final, TypeVar

from django.conf import settings
from django.utils.translation import ngettext

import base.jobs.clock
from base.jobs.errors import WaitsUntil
from imports.errors import ImportRefused
from plugins.moving.models import MoveIn
from scanning.cloud.pauses import pause_account, resume
from scanning.engines.acrcloud import Cloud, RemotePage
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.models import CloudAccount

SECONDS_BETWEEN: Final = 0.5
"""Two calls a second: the vendor publishes no limit."""
BETWEEN_FINGERPRINTS: Final = 0.1
"""Another portal answers faster, and has a call for each recording."""
_SLOWEST: Final = 8.0
_MOST_FAILURES: Final = 8
_FIRST_WAIT: Final = timedelta(seconds=15)
_LONGEST_WAIT: Final = timedelta(minutes=30)

Json = dict[str, Any]  # Any: JSON of another service
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Reader:
    """Calls for one move; ``heartbeat`` is called before each.

    Raises ``WaitsUntil`` if the account must not be called now, ``ImportRefused`` if
    trying again does not help, and ``CloudFault`` for what a list cannot be read for.
    """

    move_in: MoveIn
    account: CloudAccount
    cloud: Cloud
    heartbeat: Callable[[], None]
    _called_at: float = 0.0

    def page(self, path: str, page: int, per_page: int, **query: Any) -> RemotePage:
        """Return a page of a list. Any: as ``Cloud.read_page`` takes."""
        return self._call(lambda: self.cloud.read_page(path, page=page, per_page=per_page, **query))

    def plays(self, project: str, stream: str, day: str) -> list[Json]:
        """Return the plays of a day."""
        return self._call(lambda: self.cloud.read_plays(project, stream, day))

    def fingerprint(self, acr_id: str) -> bytes | None:
        """Return the fingerprint that another portal has of a recording, if any."""
        return self._call(lambda: self.cloud.read_fingerprint(acr_id), between=BETWEEN_FINGERPRINTS)

    def _call(self, call: Callable[[], Answer], *, between: float | None = None) -> Answer:
        self._refuse_endless()
        self._wait(between or SECONDS_BETWEEN)
        try:
            answer = call()
        except CloudFault as fault:
            self._explain(fault)
            raise
        if self.account.pause_code:
            resume(self.account)
            self.account.refresh_from_db()
        # Written with the next page.
        self.move_in.cursor.pop("failures", None)
        return answer

    def _refuse_endless(self) -> None:
        """Stop after a stated time, or a server could keep a worker for ever.

        Somebody who looks at it lets it go on, for as long again.
        """
        cursor, now = self.move_in.cursor, base.jobs.clock.now()
        began = datetime.fromisoformat(cursor.setdefault("began", now.isoformat()))
        hours: int = settings.ACRPORTAL_MOVE_HOURS
        if now - began < timedelta(hours=hours):
            return
        del cursor["began"]
        self._keep_cursor()
        raise ImportRefused(
            ngettext(
                "It took longer than %(hours)d hour. Look at what came, then let it go on.",
                "It took longer than %(hours)d hours. Look at what came, then let it go on.",
                hours,
            )
            % {"hours": hours}
        )

    def _wait(self, usual: float) -> None:
        self.heartbeat()
        until = self.account.paused_until
        if until is not None and until > base.jobs.clock.now():
            raise WaitsUntil(until, self.account.pause_message)
        between = self.move_in.cursor.get("between", usual)
        # Writing a page may take longer than the pause. Who waits for SQLite's lock looks
        # ten times a second, so other writers need a gap longer than that.
        next_at = max(self._called_at + between, monotonic() + between / 4)
        while (wait_s := next_at - monotonic()) > 0:
            sleep(min(wait_s, 1.0))
            self.heartbeat()
        self._called_at = monotonic()

    def _explain(self, fault: CloudFault) -> None:
        cursor = self.move_in.cursor
        if fault.kind is FaultKind.QUOTA:
            between = cursor.get("between", SECONDS_BETWEEN)
            cursor["between"] = min(2 * between, _SLOWEST)
            self._keep_cursor()
            if self.account._state.adding:
                # A new account is only looked at, so nothing else of it waits.
                raise WaitsUntil(base.jobs.clock.now() + _FIRST_WAIT, str(fault)) from fault
            at, text = pause_account(self.account, fault)
            raise WaitsUntil(at, text) from fault
        if fault.kind is FaultKind.UNREACHABLE:
            failures = cursor["failures"] = cursor.get("failures", 0) + 1
            self._keep_cursor()
            if failures > _MOST_FAILURES:
                cursor.pop("failures")
                self._keep_cursor()
                raise ImportRefused(str(fault)) from fault
            wait = min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_WAIT)
            raise WaitsUntil(base.jobs.clock.now() + wait, str(fault)) from fault

    def _keep_cursor(self) -> None:
        MoveIn.objects.filter(pk=self.move_in.pk).update(cursor=self.move_in.cursor)

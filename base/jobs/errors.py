"""How work tells the runner why it stops."""

from __future__ import annotations

from datetime import datetime

from django.db import InterfaceError, OperationalError

DatabaseGone = (OperationalError, InterfaceError)
"""The database is away or busy: a worker waits and goes on."""


class Failed(Exception):
    """The work cannot succeed, however often it is tried."""

    def __init__(self, code: str, cause: str) -> None:
        self.code, self.cause = code, cause
        super().__init__(cause)


class Retry(Exception):
    """The work failed for now; try it again after a pause."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


class Blocked(Exception):
    """A resource that several kinds need is away; the attempt does not count."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        super().__init__(resource)


class Stopped(Exception):
    """Ends the work from inside ``JobContext``; work lets it pass."""


class LeaseLost(Stopped):
    """Another worker has the job, or it was ended; nothing may be written for it."""


class Cancelled(Stopped):
    """Somebody cancelled the job."""


class HandedBack(Stopped):
    """The worker shuts down; another one begins the work again."""


class WaitsUntil(Stopped):
    """The work goes on at a later time, as polls and slices do."""

    def __init__(self, at: datetime, cause: str) -> None:
        self.at, self.cause = at, cause
        super().__init__(cause)

"""What the portal stands on can be away for a while: which of it, and what is told then.

Every part has one answer, on pages and to programs: what happened, what became of what
was sent, and when to come again.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recognition.errors import IndexUnavailable

RETRY_AFTER_SECONDS = 30
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Outage:
    """A part that is away, as people and programs are told of it."""

    status: int
    code: str
    title: str | Promise
    message: str | Promise


DATABASE_AWAY = Outage(
    503,
    "database_away",
    _("The database does not answer"),
    _(
        "Nothing that you just sent was kept; what was stored before stays stored. Try "
        "again in a minute."
    ),
)
STORAGE_AWAY = Outage(
    503,
    "storage_away",
    _("The file storage does not answer"),
    _(
        "A file that you just sent was not kept; what was stored before stays stored. "
        "Try again in a minute."
    ),
)
INDEX_AWAY = Outage(
    503,
    "index_away",
    _("The landmark index does not answer"),
    _(
        "What needs a search has to wait; everything else works, and scans that wait "
        "go on by themselves. Try again in a minute."
    ),
)
NO_ROOM = Outage(
    507,
    "no_room",
    _("There is no room left on the disk"),
    _(
        "What you just sent was not kept; what was stored before stays stored. Tell an "
        "admin: uploads and scans go on once there is room."
    ),
)


def outage_of(error: BaseException | None) -> Outage | None:
    """Return the outage that an error comes of; None for any other fault."""
    for one in _with_causes(error):
        if isinstance(one, OSError) and one.errno in _NO_ROOM:
            return NO_ROOM
        if isinstance(one, OperationalError | InterfaceError):
            return NO_ROOM if "is full" in str(one) else DATABASE_AWAY
        if isinstance(one, IndexUnavailable):
            return INDEX_AWAY
        # The client of object storage is loaded only where that is used.
        if type(one).__module__.startswith("botocore."):
            return STORAGE_AWAY
    return None


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

"""Outages of the database, the storage, the index, the searches and the disk.

Each has one message for pages and programs: what happened, what became of the data just
sent, and when to try again.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from base.common.secret_text import SecretUnreadable
from recognition.errors import IndexPartial, IndexUnavailable, SearchTooLong

RETRY_AFTER_SECONDS = 30
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Outage:
    """One kind of outage, with its HTTP status and texts."""

    status: int
    code: str
    title: str | Promise
    message: str | Promise


DATABASE_AWAY = Outage(
    503,
    "database_away",
    _("The database does not answer"),
    _("Nothing that you just sent was stored; earlier data is safe. Try again in a minute."),
)
STORAGE_AWAY = Outage(
    503,
    "storage_away",
    _("The file storage does not answer"),
    _("A file that you just sent was not stored; earlier files are safe. Try again in a minute."),
)
INDEX_AWAY = Outage(
    503,
    "index_away",
    _("The landmark index does not answer"),
    _(
        "Searches must wait; everything else works, and waiting scans continue on "
        "their own. Try again in a minute."
    ),
)
INDEX_PARTIAL = Outage(
    503,
    "index_partial",
    _("This server holds only a part of the catalogue"),
    _(
        "This needs a comparison with all recordings, so nothing was done. Do it "
        "on a server that holds all partitions, or let the bucket add recordings "
        "without comparing them."
    ),
)
SEARCH_TOO_LONG = Outage(
    503,
    "search_too_long",
    _("The search took too long"),
    _(
        "It was stopped, and nothing was stored. Try again when this server has less to "
        "do, or send a shorter file. An admin can raise ACRPORTAL_SEARCH_SECONDS."
    ),
)
SECRET_UNREADABLE = Outage(
    503,
    "secret_unreadable",
    _("A stored secret cannot be read"),
    _(
        "It was encrypted with another key, so nothing was done. Tell an admin: "
        "manage.py doctor lists such secrets."
    ),
)
NO_ROOM = Outage(
    507,
    "no_room",
    _("The disk is full"),
    _(
        "What you just sent was not stored; earlier data is safe. Tell an "
        "admin: uploads and scans continue once there is space."
    ),
)


def outage_of(error: BaseException | None) -> Outage | None:
    """Return the outage that caused an error, or None for other errors."""
    cause = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            return NO_ROOM
        if isinstance(cause, OperationalError | InterfaceError):
            return NO_ROOM if "is full" in str(cause) else DATABASE_AWAY
        if isinstance(cause, IndexUnavailable):
            return INDEX_AWAY
        if isinstance(cause, IndexPartial):
            return INDEX_PARTIAL
        if isinstance(cause, SecretUnreadable):
            return SECRET_UNREADABLE
        if isinstance(cause, SearchTooLong):
            return SEARCH_TOO_LONG
        # Compare by name: botocore is only imported if object storage is used.
        if type(cause).__module__.startswith("botocore."):
            return STORAGE_AWAY
        cause = cause.__cause__ or cause.__context__
    return None

"""How many bytes one person may have unfinished, and may send in a day.

All sessions and tokens of a person count together, so another token gives no more room.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.common.reading import read_number
from scanning.errors import IntakeRefused
from scanning.models import ResumableUpload, ScannedFile

_DAY = timedelta(days=1)
_GIB = 1024**3


def unfinished_bytes(user: User) -> int:
    """Return the announced bytes of the person's uploads that are not yet files."""
    rows = ResumableUpload._base_manager.filter(user=user, scanned_file=None)
    return rows.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0


def room(user: User, unfinished: int) -> int:
    """Return how many more bytes the person may send, next to the unfinished ones."""
    rooms = [settings.ACRPORTAL_MAX_FILE_BYTES]
    if settings.ACRPORTAL_UNFINISHED_BYTES:
        rooms.append(settings.ACRPORTAL_UNFINISHED_BYTES - unfinished)
    if settings.ACRPORTAL_DAY_BYTES:
        rooms.append(settings.ACRPORTAL_DAY_BYTES - _stored_today(user) - unfinished)
    return max(0, min(rooms))


def refuse_unfinished(*, count: int, size_bytes: int) -> None:
    """Raise ``IntakeRefused`` if one person's unfinished uploads come to too much.

    Call it within a lock of the person, with the new upload among them.
    """
    most = settings.ACRPORTAL_MAX_OPEN_FILES
    if count > most:
        raise IntakeRefused(
            "too_many_unfinished",
            _(
                "You already have %(limit)s unfinished uploads. Finish or cancel some, "
                "or wait a day: then they are removed."
            )
            % {"limit": most},
            status=429,
        )
    limit = settings.ACRPORTAL_UNFINISHED_BYTES
    if limit and size_bytes > limit:
        raise IntakeRefused(
            "too_much_unfinished",
            _(
                "Your unfinished uploads would come to more than %(limit)s GiB. Finish "
                "or cancel some, or wait a day: then they are removed."
            )
            % {"limit": read_number(limit / _GIB, decimals=1)},
            status=429,
        )


def refuse_over_day(user: User | None, size_bytes: int) -> None:
    """Raise ``IntakeRefused`` if the person would store too many bytes in 24 hours."""
    limit = settings.ACRPORTAL_DAY_BYTES
    if user is None or not limit:
        return
    stored = _stored_today(user)
    if stored + size_bytes > limit:
        raise IntakeRefused(
            "too_much_today",
            _(
                "You would store more than %(limit)s GiB within 24 hours. Send the rest "
                "later, or ask an admin to raise the limit."
            )
            % {"limit": read_number(limit / _GIB, decimals=1)},
            status=429,
        )


def _stored_today(user: User) -> int:
    since = datetime.now(tz=UTC) - _DAY
    # What was deleted again counts too: it was work all the same.
    rows = ScannedFile._base_manager.filter(uploaded_by=user, created_at__gte=since)
    return rows.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0

"""How many files of one person may wait at once, for whoever submits on a page."""

from __future__ import annotations

from django.conf import settings

from accounts.models import User
from scanning import selectors
from scanning.choices import ACTIVE_FILE_STATUSES
from scanning.errors import IntakeRefused


def room_for(user: User) -> int:
    """Return how many files a person may submit before some of theirs finish."""
    waiting = selectors.files().filter(
        uploaded_by=user, status__in=ACTIVE_FILE_STATUSES
    )
    return max(0, settings.ACRPORTAL_MAX_OPEN_FILES - waiting.count())


def refuse_too_many_open(user: User) -> None:
    """Raise while a person has as many files open as one person may."""
    if not room_for(user):
        raise IntakeRefused(
            "too_many_open",
            f"{settings.ACRPORTAL_MAX_OPEN_FILES} of your files wait already. Submit "
            "again when some finish.",
            status=429,
        )

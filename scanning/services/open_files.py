"""Limits how many files one person may have waiting at once."""

from __future__ import annotations

from django.conf import settings

from accounts.models import User
from scanning import selectors
from scanning.choices import ACTIVE_FILE_STATUSES
from scanning.errors import IntakeRefused


def room_for(user: User) -> int:
    """Return how many more files the person may submit now."""
    waiting = selectors.files().filter(
        uploaded_by=user, status__in=ACTIVE_FILE_STATUSES
    )
    return max(0, settings.ACRPORTAL_MAX_OPEN_FILES - waiting.count())


def refuse_too_many_open(user: User) -> None:
    """Raise ``IntakeRefused`` if the person has as many open files as allowed."""
    if not room_for(user):
        raise IntakeRefused(
            "too_many_open",
            f"You already have {settings.ACRPORTAL_MAX_OPEN_FILES} files waiting. "
            "Submit again when some have finished.",
            status=429,
        )

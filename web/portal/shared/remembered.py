"""Remembers slow figures of pages for a minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from django.core.cache import caches
from django.utils.translation import get_language

from base.accounts import reach
from base.accounts.models import User

REMEMBERED_SECONDS = 60

Figure = TypeVar("Figure")


def remembered(name: str, user: User, read: Callable[[], Figure]) -> Figure:
    """Return a slow figure from a cache that keeps it for one minute.

    Users without access limits share one entry; others have their own.
    """
    viewer = "everybody" if reach.sees_everything() else user.pk
    key = f"remembered:{name}:{viewer}:{get_language()}"
    figure = caches["process"].get_or_set(key, read, timeout=REMEMBERED_SECONDS)
    return cast("Figure", figure)

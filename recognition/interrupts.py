"""Lets whoever asked for a search stop it: each step of bounded work looks first.

A search is many functions deep and several libraries ask for one, so the check belongs
to the thread that works and is not passed down: what runs inside ``checked_by`` cannot
miss it. Another thread begins without a check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Final

from recognition.errors import SearchTooLong

Check = Callable[[], object]
"""Raises an exception to stop the work."""

# Seldom enough that a check may ask the system, often enough to stop within a second.
_EVERY_SECONDS: Final = 0.1


class _Watch:
    """A check, when to call it next, and when the search that goes on must be over."""

    __slots__ = ("check", "next_at", "search_seconds", "until")

    def __init__(self, check: Check, search_seconds: float | None) -> None:
        self.check, self.search_seconds = check, search_seconds
        self.next_at = 0.0
        self.until: float | None = None


_watch: ContextVar[_Watch | None] = ContextVar("watch", default=None)


@contextmanager
def checked_by(check: Check, *, search_seconds: float | None = None) -> Iterator[None]:
    """Have the work of the block call ``check`` from time to time.

    A search in it may take ``search_seconds``; None for any time.
    """
    before = _watch.get()
    _watch.set(_Watch(check, search_seconds))
    try:
        yield
    finally:
        # A generator may end in another context, where a token would be refused.
        _watch.set(before)


@contextmanager
def limited_search() -> Iterator[None]:
    """Let the block take the time that a search may take here.

    ``look`` raises ``SearchTooLong`` after it. Inside another one, that one's counts.
    """
    watch = _watch.get()
    if watch is None or watch.search_seconds is None or watch.until is not None:
        yield
        return
    watch.until = monotonic() + watch.search_seconds
    try:
        yield
    finally:
        watch.until = None


def look() -> None:
    """Stop the work here if it must not go on; cheap enough for each small step."""
    watch = _watch.get()
    if watch is None:
        return
    now = monotonic()
    if now < watch.next_at:
        return
    watch.next_at = now + _EVERY_SECONDS
    if watch.until is not None and now > watch.until:
        raise SearchTooLong(watch.search_seconds or 0.0)
    watch.check()

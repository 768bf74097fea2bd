"""Through which key a change is made: set at the edge, read by the audit trail.

The person is named by the services' own arguments; this says which of that person's
API tokens was used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_acting_through: ContextVar[str] = ContextVar("acting_through", default="")


def acting_through() -> str:
    """Return what the current work is done through; empty for a person's session."""
    return _acting_through.get()


def act_through(name: str) -> None:
    """Say what the work is done through, until the enclosing scope ends."""
    _acting_through.set(name)


@contextmanager
def attribution_scope() -> Iterator[None]:
    """Forget at the end whatever was said inside."""
    token = _acting_through.set("")
    try:
        yield
    finally:
        _acting_through.reset(token)

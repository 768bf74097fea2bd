"""The API token or the single sign-on behind a change: read by the audit trail.

Services receive the person as an argument. The token is context, so that not every
service needs a parameter for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SIGN_ON = "single_sign_on"

_acting_through: ContextVar[str] = ContextVar("acting_through", default="")


def acting_through() -> str:
    """Return the token in use, or an empty string for a person's session."""
    return _acting_through.get()


def act_through(name: str) -> None:
    """Set the token in use until the enclosing scope ends."""
    _acting_through.set(name)


@contextmanager
def attribution_scope() -> Iterator[None]:
    """Forget the token at the end of the block."""
    token = _acting_through.set("")
    try:
        yield
    finally:
        _acting_through.reset(token)

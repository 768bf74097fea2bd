"""Small helpers for response headers."""

from __future__ import annotations


def retry_after(seconds: int) -> dict[str, str]:
    """Return the header that says when to come back."""
    return {"Retry-After": str(seconds)}

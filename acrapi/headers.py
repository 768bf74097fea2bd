"""Response headers."""

from __future__ import annotations


def retry_after(seconds: int) -> dict[str, str]:
    """Return the Retry-After header."""
    return {"Retry-After": str(seconds)}

"""The fixtures of the core's tests of this kind."""

from __future__ import annotations

from tests.e2e.conftest import browser, office, other, page, portal, restored

__all__ = ["browser", "office", "other", "page", "portal", "restored"]

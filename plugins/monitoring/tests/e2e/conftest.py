"""The fixtures of the core's tests of this kind."""

from __future__ import annotations

from tests.e2e.conftest import browser, office, page, portal, restored, second_browser

__all__ = ["browser", "office", "page", "portal", "restored", "second_browser"]

"""The fixtures of the core's tests of this kind."""

from __future__ import annotations

from tests.acrapi.conftest import api, make_api

__all__ = ["api", "make_api"]

"""The fixtures of the core's tests of this kind."""

from __future__ import annotations

from tests.portal.conftest import ana, manager, podcast, reviewer, sign_in, vendor

__all__ = ["ana", "manager", "podcast", "reviewer", "sign_in", "vendor"]

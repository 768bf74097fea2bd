"""Why an action on claims is refused."""

from __future__ import annotations

from base.common.api_errors import Refused


class ClaimsRefused(Refused):
    """The action is impossible; the message says why and what to do."""

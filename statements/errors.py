"""Why something cannot be done with a statement."""

from __future__ import annotations

from common.api_errors import Refused


class StatementRefused(Refused):
    """The statement stays as it is; the message says why, and what to do."""

"""Refusals of notices; their messages tell people what to do."""

from __future__ import annotations

from collections.abc import Mapping

from common.api_errors import Refused


class NoticeRefused(Refused):
    """A step that is not possible; ``code`` is for programs.

    ``fields`` maps names of fields to what is wrong with them.
    """

    fields: Mapping[str, str]

    def __init__(
        self, code: str, message: str, *, fields: Mapping[str, str] | None = None
    ) -> None:
        self.fields = dict(fields or {})
        super().__init__(message, code)

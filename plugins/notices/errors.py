"""Refusals of notices; their messages tell people what to do."""

from __future__ import annotations

from collections.abc import Mapping

from base.common.api_errors import Refused


class NoticeRefused(Refused):
    """A step that is not possible."""

    def __init__(self, code: str, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code, fields=fields)

"""Dates in French."""

from __future__ import annotations

DATE_FORMAT = "j N Y"
DATETIME_FORMAT = "j N Y H:i T"

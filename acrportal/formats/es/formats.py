"""Dates in Spanish."""

from __future__ import annotations

DATE_FORMAT = "j b Y"
DATETIME_FORMAT = "j b Y H:i T"

"""Dates in Spanish."""

DATE_FORMAT = "j b Y"
DATETIME_FORMAT = "j b Y H:i T"

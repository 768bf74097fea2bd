"""Dates in French."""

DATE_FORMAT = "j N Y"
DATETIME_FORMAT = "j N Y H:i T"

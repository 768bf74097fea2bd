"""Admin screens of suggestions, sources, rules and marks; pages hold their actions."""

from __future__ import annotations

from plugins.filling.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from plugins.filling.pages.lists import DIFFERENCES, RULES, SOURCES, SUGGESTIONS
from web.portal.admin.base import register_records
from web.portal.admin.own_pages import own_pages

# Sources of open data.
register_records(
    EnrichmentSource,
    list_display=[*SOURCES.admin_columns, "kind", "read_at"],
    list_filter=["state"],
    search_fields=["name", "=uid"],
    hidden=["upload"],
)


# Suggestions for empty fields, and what was decided about them.
register_records(
    Suggestion,
    list_display=[*SUGGESTIONS.admin_columns, "state"],
    list_filter=["state", "field", "hold"],
    search_fields=["=uid", "=value", "=act", "recording__title"],
    hidden=["ground"],
)


# Rules that accept suggestions.
register_records(
    FillingRule,
    list_display=[*RULES.admin_columns, "created_by"],
    list_filter=["is_on", "field"],
)


# What known values showed about each field.
register_records(
    SafeMark,
    list_display=["field", "mark", "known", "right", "above", "errors", "measured_at"],
    hidden=["model"],
)


# Other values that sources have for filled fields, and what people judged.
register_records(
    KnownDifference,
    list_display=[*DIFFERENCES.admin_columns, "is_also_right"],
    list_filter=["is_also_right", "field"],
    search_fields=["=uid", "=found", "recording__title"],
)


own_pages.register({"suggestion": ("suggestion", "uid")})

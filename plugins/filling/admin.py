"""Admin screens of suggestions, sources, rules and marks; pages hold their actions."""

from __future__ import annotations

from django.contrib import admin

from plugins.filling.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from plugins.filling.pages.lists import DIFFERENCES, RULES, SOURCES, SUGGESTIONS
from web.portal.admin.base import RoleAdmin, all_field_names
from web.portal.admin.own_pages import own_pages


@admin.register(EnrichmentSource)
class EnrichmentSourceAdmin(RoleAdmin[EnrichmentSource]):
    """Sources of open data."""

    list_display = [*SOURCES.admin_columns, "kind", "read_at"]
    list_filter = ["state"]
    search_fields = ["name", "=uid"]
    readonly_fields = all_field_names(EnrichmentSource, but=["id", "upload"])


@admin.register(Suggestion)
class SuggestionAdmin(RoleAdmin[Suggestion]):
    """Suggestions for empty fields, and what was decided about them."""

    list_display = [*SUGGESTIONS.admin_columns, "state"]
    list_filter = ["state", "field", "hold"]
    search_fields = ["=uid", "=value", "=act", "recording__title"]
    readonly_fields = all_field_names(Suggestion, but=["id", "ground"])


@admin.register(FillingRule)
class FillingRuleAdmin(RoleAdmin[FillingRule]):
    """Rules that accept suggestions."""

    list_display = [*RULES.admin_columns, "created_by"]
    list_filter = ["is_on", "field"]
    readonly_fields = all_field_names(FillingRule, but=["id"])


@admin.register(SafeMark)
class SafeMarkAdmin(RoleAdmin[SafeMark]):
    """What known values showed about each field."""

    list_display = ["field", "mark", "known", "right", "above", "errors", "measured_at"]
    readonly_fields = all_field_names(SafeMark, but=["id", "model"])


@admin.register(KnownDifference)
class KnownDifferenceAdmin(RoleAdmin[KnownDifference]):
    """Other values that sources have for filled fields, and what people judged."""

    list_display = [*DIFFERENCES.admin_columns, "is_also_right"]
    list_filter = ["is_also_right", "field"]
    search_fields = ["=uid", "=found", "recording__title"]
    readonly_fields = all_field_names(KnownDifference, but=["id"])


own_pages.register({"suggestion": ("suggestion", "uid")})

"""The audit trail, to be read."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import Event
from portal.admin.base import RoleAdmin, all_field_names, when


@admin.register(Event)
class EventAdmin(RoleAdmin[Event]):
    """Every event; nobody adds, changes or deletes one."""

    list_display = ["time", "actor_name", "action", "case", "reason", "note"]
    list_display_links = ["time", "case"]
    list_filter = ["at", "action"]
    search_fields = ["=case", "actor_name", "note"]
    search_help_text = "Case (match:m_…), person, or words of the note"
    ordering = ["-id"]
    readonly_fields = (
        *all_field_names(Event, but=["id", "before", "after"]),
        "before_text",
        "after_text",
    )
    fields = readonly_fields

    @admin.display(description="When", ordering="id")
    def time(self, event: Event) -> SafeString:
        """Return the moment."""
        return when(event.at)

    @admin.display(description="Before")
    def before_text(self, event: Event) -> SafeString:
        """Return what was there before, readable."""
        return _pretty(event.before)

    @admin.display(description="After")
    def after_text(self, event: Event) -> SafeString:
        """Return what was there after, readable."""
        return _pretty(event.after)


def _pretty(content: dict[str, Any]) -> SafeString:  # Any: JSON as the event keeps it
    text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="code">{}</pre>', text)

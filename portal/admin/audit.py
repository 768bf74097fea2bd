"""The audit trail, to be read."""

from __future__ import annotations

import json
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.reach import is_limited
from accounts.roles import Action
from audit.models import Anchor, Event
from audit.services import ACCOUNT_CASES
from portal.admin.base import RoleAdmin, all_field_names, user_of, when

Row = TypeVar("Row", bound=Model)


class _TrailAdmin(RoleAdmin[Row]):
    """A screen of the trail: it tells of everything, so of nothing to the limited."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it to whoever sees every container and bucket."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Let look whoever sees every container and bucket."""
        return super().has_view_permission(request, obj) and not is_limited(
            user_of(request)
        )


@admin.register(Anchor)
class AnchorAdmin(_TrailAdmin[Anchor]):
    """The daily anchors, to be compared with copies that are kept elsewhere."""

    list_display = ["day", "chains", "events", "hash"]
    readonly_fields = all_field_names(Anchor, but=["id"])
    fields = readonly_fields


@admin.register(Event)
class EventAdmin(_TrailAdmin[Event]):
    """Every event; nobody adds, changes or deletes one.

    What happened to accounts is for those who manage people.
    """

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Leave out what happened to accounts, but for those who manage people."""
        rows = super().get_queryset(request)
        if request.user.has_perm(Action.CONFIGURE):
            return rows
        about_accounts = (Q(case__startswith=prefix) for prefix in ACCOUNT_CASES)
        return rows.exclude(reduce(or_, about_accounts))

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

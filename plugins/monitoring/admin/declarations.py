"""Read-only admin screens of declarations and their profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from base.audit.labels import actor_label
from plugins.monitoring.declarations.formats.registry import label_of
from plugins.monitoring.declarations.models import PROFILE_TEXTS, Declaration, DeclarationProfile
from web.portal.admin.base import RoleAdmin
from web.portal.admin.filters import DaysFilter
from web.portal.admin.own_pages import own_pages


class FormatFilter(admin.AllValuesFieldListFilter):
    """Filters by the layout of a society."""

    def choices(self, changelist: Any) -> Iterator[Any]:  # Any: Django's own signature
        """Name each layout."""
        for choice in super().choices(changelist):
            yield {**choice, "display": label_of(str(choice["display"]))}


class _OfFormat:
    """The name of a layout, for lists and pages."""

    @admin.display(description=_("Format"), ordering="format")
    def format_shown(self, row: Declaration | DeclarationProfile) -> str:
        """Return the name of the layout."""
        return label_of(row.format)


@admin.register(DeclarationProfile)
class DeclarationProfileAdmin(_OfFormat, RoleAdmin[DeclarationProfile]):
    """Profiles of declarations; the portal's own page changes them."""

    list_display = ["name", "format_shown", "recipient", "made_by", "updated_at"]
    list_filter = [("format", FormatFilter)]
    search_fields = ["name", "=uid", "recipient"]
    readonly_fields = (
        *("uid", *PROFILE_TEXTS, "format_shown", "options", "rights_type", "stations"),
        *("made_by", "created_at", "updated_at"),
    )


@admin.register(Declaration)
class DeclarationAdmin(_OfFormat, RoleAdmin[Declaration]):
    """Declarations with their period, totals and hashes."""

    list_display = [
        *("name", "state", "format_shown", "begins", "ends", "play_count"),
        *("run_by_shown", "created_at"),
    ]
    list_filter = ["state", ("format", FormatFilter), ("created_at", DaysFilter)]
    search_fields = ["name", "=uid", "=message_id", "=sha256", "run_by_name"]
    list_select_related = ["profile"]
    readonly_fields = (
        *("uid", "name", "profile", "format_shown", "format_version", "begins", "ends"),
        *("message_id", "message_at", "replaces", "state", "message", "gap_count"),
        *("as_of_event", "play_count", "played_ms", "recording_count", "line_count"),
        *("undeclared_count", "changed", "file_name", "sha256", "size_bytes"),
        *("facts_sha256", "undeclared_sha256", "run_by_shown", "created_at"),
        "finished_at",
    )

    @admin.display(description=_("Run by"), ordering="run_by_name")
    def run_by_shown(self, declaration: Declaration) -> str:
        """Return the user or the command that declared."""
        return actor_label(declaration.run_by_name)


own_pages.register(
    {"declaration": ("declaration", "uid"), "declarationprofile": ("declaration_profile", "uid")}
)

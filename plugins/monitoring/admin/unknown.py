"""Admin screens of repeated unknown sound: items, compared files, policies."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.unknown import selectors
from plugins.monitoring.unknown.models import KeptFile, UnknownItem, UnknownPolicy
from web.portal.admin.base import RoleAdmin, all_field_names, register_records, within_reach
from web.portal.admin.filters import PickFilter
from web.portal.admin.history import own_cases
from web.portal.admin.own_pages import own_pages
from web.portal.shared.times import when


@admin.register(UnknownItem)
class UnknownItemAdmin(RoleAdmin[UnknownItem]):
    """Unknown items; the portal's pages hold their actions."""

    list_display = ["uid", "state", "ignored_as", "length_ms", "is_watched", "heard"]
    list_filter = ["state", "ignored_as", "is_watched"]
    search_fields = ["=uid"]
    # Its page shows the rest within the user's access limits.
    readonly_fields = (
        *("uid", "state", "ignored_as", "is_watched", "settled", "length_ms"),
        *("version", "created_at", "updated_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnknownItem]:
        """Apply the user's access limits."""
        items = within_reach(super().get_queryset(request), selectors.present(), "item", request)
        heard = {"heard_at": F("seen_last")}
        rows: QuerySet[UnknownItem] = selectors.with_figures(items).annotate(**heard)
        return rows

    @admin.display(description=_("Last heard"), ordering="heard_at")
    def heard(self, item: Any) -> SafeString:  # Any: carries an annotation
        """Return when the last file with the item arrived."""
        return when(item.heard_at)


@admin.register(KeptFile)
class KeptFileAdmin(RoleAdmin[KeptFile]):
    """Files whose unmatched sound is compared with that of others."""

    list_display = ["scanned_file", "state", "unmatched_ms", "message", "compared"]
    list_filter = ["state", ("scanned_file__container", PickFilter)]
    search_fields = ["scanned_file__name"]
    readonly_fields = all_field_names(KeptFile, but=["id", "unmatched"])

    @admin.display(description=_("Compared"), ordering="compared_at")
    def compared(self, kept_file: KeptFile) -> SafeString:
        """Return when the file was compared last."""
        return when(kept_file.compared_at)


# Policies of containers; the page of a container changes its own.
register_records(
    UnknownPolicy,
    list_display=["container", "is_on", "least_seconds", "least_count", "days_kept"],
    list_filter=["is_on"],
    search_fields=["container__name"],
)


own_cases.register(
    {"unknownitem": ("unknown", "uid"), "unknownpolicy": ("container", "container_id")}
)

own_pages.register({"unknownitem": ("unknown_item", "uid")})

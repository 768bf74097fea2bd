"""Admin screen of takedown notices; the portal's pages hold their steps."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from plugins.notices.models import NoticeItem, TakedownNotice
from plugins.notices.pages.lists import NOTICES
from web.portal.admin.base import ReadOnlyInline, RoleAdmin, all_field_names
from web.portal.admin.own_pages import own_pages


class NoticeItemInline(ReadOnlyInline):
    """The matches of a notice."""

    model = NoticeItem
    readonly_fields = ("match", "url", "pack", "is_open")


@admin.register(TakedownNotice)
class TakedownNoticeAdmin(RoleAdmin[TakedownNotice]):
    """Takedown notices, read-only."""

    list_display = [*NOTICES.admin_columns, "account", "signed_at"]
    list_filter = ["state", "law", "platform"]
    list_select_related = ["prepared_by", "signed_by"]
    search_fields = ["=uid", "platform", "account", "recipient"]
    search_help_text = _("Id of the notice, platform, account or recipient")
    readonly_fields = all_field_names(TakedownNotice, but=["id", "content", "text", "pdf"])
    inlines = [NoticeItemInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TakedownNotice]:
        """Apply the user's access limits, and add the figures of the list."""
        return NOTICES.whole()


own_pages.register({"takedownnotice": ("notice", "uid")})

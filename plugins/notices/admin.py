"""Admin screen of takedown notices; the portal's pages hold their steps."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from plugins.notices.models import NoticeItem, TakedownNotice
from plugins.notices.pages.lists import NOTICES
from web.portal.admin.base import ReadOnlyInline, register_records
from web.portal.admin.own_pages import own_pages


class NoticeItemInline(ReadOnlyInline):
    """The matches of a notice."""

    model = NoticeItem
    readonly_fields = ("match", "url", "pack", "is_open")


# Takedown notices, read-only.
register_records(
    TakedownNotice,
    rows=lambda: NOTICES.select_for({}),
    list_display=[*NOTICES.admin_columns, "account", "signed_at"],
    list_filter=["state", "law", "platform"],
    list_select_related=["prepared_by", "signed_by"],
    search_fields=["=uid", "platform", "account", "recipient"],
    search_help_text=_("Id of the notice, platform, account or recipient"),
    hidden=["content", "text", "pdf"],
    inlines=[NoticeItemInline],
)


own_pages.register({"takedownnotice": ("notice", "uid")})

"""Admin screen of takedown notices; the portal's pages hold their steps."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from plugins.notices.models import NoticeItem, TakedownNotice
from plugins.notices.selectors import notices_in_reach
from web.portal.admin.base import ReadOnlyInline, RoleAdmin, all_field_names
from web.portal.admin.own_pages import own_pages
from web.portal.shared.times import when


class NoticeItemInline(ReadOnlyInline):
    """The matches of a notice."""

    model = NoticeItem
    readonly_fields = ("match", "url", "pack", "is_open")


@admin.register(TakedownNotice)
class TakedownNoticeAdmin(RoleAdmin[TakedownNotice]):
    """Takedown notices, read-only."""

    list_display = ["__str__", "state", "law", "platform", "account", "signed", "sent"]
    list_filter = ["state", "law", "platform"]
    list_select_related = ["prepared_by", "signed_by"]
    search_fields = ["=uid", "platform", "account", "recipient"]
    search_help_text = _("Id of the notice, platform, account or recipient")
    readonly_fields = all_field_names(TakedownNotice, but=["id", "content", "text", "pdf"])
    inlines = [NoticeItemInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TakedownNotice]:
        """Apply the user's access limits."""
        return super().get_queryset(request).filter(pk__in=notices_in_reach().values("pk"))

    @admin.display(description=_("Signed"), ordering="signed_at")
    def signed(self, notice: TakedownNotice) -> SafeString:
        """Return when somebody signed the notice."""
        return when(notice.signed_at)

    @admin.display(description=_("Sent"), ordering="sent_at")
    def sent(self, notice: TakedownNotice) -> SafeString:
        """Return when somebody sent the notice."""
        return when(notice.sent_at)


own_pages.register({"takedownnotice": ("notice", "uid")})

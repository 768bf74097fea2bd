"""Admin screens of watches, drops and retro searches."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalogue.models import Recording
from scanning.drops.services import next_polls
from scanning.models import Drop, DropFolder, RetroSearch
from scanning.models.watch import Watch, WatchCheck
from scanning.services.watches import next_checks
from web.portal.admin.base import ReadOnlyInline, RoleAdmin, all_field_names, within_reach
from web.portal.admin.filters import PickFilter
from web.portal.shared.times import when


class WatchCheckInline(ReadOnlyInline):
    """The checks of a watch; the watch's page in the portal lists their feed items."""

    model = WatchCheck
    readonly_fields = all_field_names(WatchCheck, but=["id", "watch"])


@admin.register(Watch)
class WatchAdmin(RoleAdmin[Watch]):
    """Watches; the portal's pages change them."""

    list_display = ["title", "url", "container", "enabled", "last_check_at", "failures"]
    list_filter = ["enabled", ("container", PickFilter)]
    search_fields = ["title", "url", "=uid"]
    inlines = [WatchCheckInline]
    readonly_fields = (
        *("uid", "container", "url", "title", "every_hours", "items_per_check"),
        *("title_words", "enabled", "next_check", "last_check_at", "failures"),
        *("last_error", "created_by", "created_at"),
    )

    @admin.display(description=_("Next check"))
    def next_check(self, watch: Watch) -> str:
        """Return when the watch is checked next."""
        due = next_checks([watch]).get(watch.pk)
        return when(due) if due and watch.enabled else "–"


class DropFolderInline(ReadOnlyInline):
    """The subfolders of a drop; the drop's page in the portal lists its files."""

    model = DropFolder
    readonly_fields = all_field_names(DropFolder, but=["id", "drop"])


@admin.register(Drop)
class DropAdmin(RoleAdmin[Drop]):
    """Drops; the portal's pages change them."""

    list_display = ["name", "place", "container", "enabled", "last_poll_at", "failures"]
    list_filter = ["enabled", "afterwards", ("container", PickFilter)]
    search_fields = ["name", "place", "=uid"]
    inlines = [DropFolderInline]
    readonly_fields = (
        *("uid", "container", "name", "place", "afterwards", "every_seconds"),
        *("enabled", "next_poll", "last_poll_at", "failures", "last_error", "notice"),
        *("created_by", "created_at"),
    )

    @admin.display(description=_("Next poll"))
    def next_poll(self, drop: Drop) -> str:
        """Return when the drop is polled next."""
        due = next_polls([drop]).get(drop.pk)
        return when(due) if due and drop.enabled else "–"


@admin.register(RetroSearch)
class RetroSearchAdmin(RoleAdmin[RetroSearch]):
    """Retro searches: recordings searched in files that were scanned earlier."""

    list_display = ["uid", "status", "files_done", "files_total", "found", "created_at"]
    list_filter = ["status"]
    search_fields = ["=uid"]
    readonly_fields = (
        *("uid", "recordings", "status", "files_done", "files_total"),
        *("files_unreadable", "found", "message", "requested_by"),
        *("created_at", "started_at", "finished_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetroSearch]:
        """Leave out searches whose recordings the user may not see."""
        recordings = Recording.objects.all()
        return within_reach(super().get_queryset(request), recordings, "retro_searches", request)

"""Admin screens of incoming and outgoing callbacks."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from base.accounts.roles import Action
from scanning.models import DeliveryAttempt, InboundCallback, OutboundCallback
from scanning.services.callbacks import replay
from web.portal.admin.base import ReadOnlyInline, RoleAdmin, all_field_names, code, user_of
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.shared.times import when


@admin.register(InboundCallback)
class InboundCallbackAdmin(RoleAdmin[InboundCallback]):
    """Incoming callbacks, including those that wait for their file."""

    list_display = [
        "id_of_file",
        "container",
        "outcome",
        "scanned_file",
        "message",
        "times_received",
        "received",
    ]
    list_filter = ["outcome", ("container", PickFilter), ("received_at", DaysFilter)]
    search_fields = ["=file_id", "scanned_file__name"]
    of_every_bucket = ("body",)
    readonly_fields = ("id_of_file", *all_field_names(InboundCallback, but=["id", "file_id"]))
    actions = ["apply_again"]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Let admins apply callbacks again."""
        return request.user.has_perm(Action.CONFIGURE)

    @admin.action(description=_("Apply again"), permissions=["replay"])
    def apply_again(self, request: HttpRequest, queryset: QuerySet[InboundCallback]) -> None:
        """Queue each callback as if it had just arrived."""
        for callback in queryset:
            replay(callback=callback, user=user_of(request))
        self.message_user(
            request,
            ngettext(
                "%(count)s callback is being applied again.",
                "%(count)s callbacks are being applied again.",
                len(queryset),
            )
            % {"count": len(queryset)},
        )

    @admin.display(description=_("file id"), ordering="file_id")
    def id_of_file(self, callback: InboundCallback) -> SafeString:
        """Return the file's id as its sender wrote it."""
        return code(callback.file_id)

    @admin.display(description=_("Received"), ordering="received_at")
    def received(self, callback: InboundCallback) -> SafeString:
        """Return when the callback first arrived."""
        return when(callback.received_at)


class AttemptInline(ReadOnlyInline):
    """The delivery attempts of a callback."""

    model = DeliveryAttempt
    readonly_fields = ("at", "duration_ms", "status_code", "answer")


@admin.register(OutboundCallback)
class OutboundCallbackAdmin(RoleAdmin[OutboundCallback]):
    """Outgoing callbacks to the addresses of containers."""

    list_display = ["uid", "container", "scanned_file", "status", "attempts", "created", "finished"]
    list_filter = ["status", ("container", PickFilter), ("created_at", DaysFilter)]
    search_fields = ["=uid", "scanned_file__name"]
    of_every_bucket = ("body",)
    readonly_fields = all_field_names(OutboundCallback, but=["id"])
    inlines = [AttemptInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboundCallback]:
        """Count the attempts."""
        return super().get_queryset(request).annotate(attempt_count=Count("attempts"))

    @admin.display(description=_("Attempts"), ordering="attempt_count")
    def attempts(self, callback: Any) -> int:  # Any: carries an annotation
        """Return how often the callback was sent."""
        return int(callback.attempt_count)

    @admin.display(description=_("Made"), ordering="created_at")
    def created(self, callback: OutboundCallback) -> SafeString:
        """Return when the callback was created."""
        return when(callback.created_at)

    @admin.display(description=_("Finished"), ordering="finished_at")
    def finished(self, callback: OutboundCallback) -> SafeString:
        """Return when the callback was delivered or finally failed."""
        return when(callback.finished_at)

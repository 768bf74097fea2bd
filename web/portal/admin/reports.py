"""Read-only admin screens of report runs, schedules, deliveries and cue sheets."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from base.audit.labels import actor_label
from reports import scheduling, selectors
from reports.models import (
    CueEntry,
    ReportDelivery,
    ReportRun,
    ReportSchedule,
    ReportTemplate,
    SheetApproval,
    SheetEdit,
)
from web.portal.admin.base import (
    RoleAdmin,
    all_field_names,
    code,
    register_records,
    short_hash,
    user_of,
)
from web.portal.admin.filters import DaysFilter
from web.portal.shared.times import when

_LAYOUT = (
    *("mode", "filters", "files_without", "format", "separator", "byte_order_mark"),
    "columns",
)


@admin.register(ReportRun)
class ReportRunAdmin(RoleAdmin[ReportRun]):
    """Report runs with their last event, counts and hashes."""

    list_display = [
        *("title", "state", "mode", "format", "row_count", "seal", "run_by_shown"),
        "created_at",
    ]
    list_filter = ["state", "mode", "format", ("created_at", DaysFilter)]
    search_fields = ["name", "=uid", "=sha256", "run_by_name"]
    readonly_fields = (
        *("uid", "name", "state", "message", *_LAYOUT, "as_of_event", "as_of_at"),
        *("row_count", "counts", "versions", "rows_sha256", "sha256", "size_bytes"),
        *("run_by_shown", "created_at", "finished_at"),
    )

    @admin.display(description=_("Name"), ordering="name")
    def title(self, run: ReportRun) -> str:
        """Return the name of the run, or what it is where nobody named it."""
        return run.title

    @admin.display(description=_("SHA-256"))
    def seal(self, run: ReportRun) -> SafeString:
        """Return the start of the hash."""
        return short_hash(run.sha256)

    @admin.display(description=_("Run by"), ordering="run_by_name")
    def run_by_shown(self, run: ReportRun) -> str:
        """Return the user or the command that ran the report."""
        return actor_label(run.run_by_name)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportRun]:
        """Return the runs that the user may see."""
        return selectors.runs_for(user=user_of(request))


# Report templates.
register_records(
    ReportTemplate,
    list_display=["name", "mode", "format", "made_by", "updated_at"],
    list_filter=["mode", "format"],
    search_fields=["name", "=uid"],
    readonly_fields=("uid", "name", *_LAYOUT, "made_by", "created_at", "updated_at"),
)


@admin.register(ReportSchedule)
class ReportScheduleAdmin(RoleAdmin[ReportSchedule]):
    """Report schedules, without the signing secret."""

    list_display = ["template", "every", "hour", "channel", "next_run_at", "made_by"]
    list_filter = ["every", "channel"]
    search_fields = ["template__name", "=uid", "url"]
    readonly_fields = (
        *("uid", "template", "every", "hour", "last_period", "send_unchanged"),
        *("channel", "recipients", "url", "next_run_at", "made_by", "created_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportSchedule]:
        """Return the user's own schedules, or all for an admin."""
        return scheduling.schedules_for(user=user_of(request))


@admin.register(ReportDelivery)
class ReportDeliveryAdmin(RoleAdmin[ReportDelivery]):
    """Deliveries of scheduled reports."""

    list_display = ["schedule", "state", "message", "created_at"]
    list_filter = ["state"]
    list_select_related = ["schedule__template"]
    search_fields = ["schedule__template__name", "=uid"]
    readonly_fields = ("uid", "schedule", "run", "state", "message", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportDelivery]:
        """Return the deliveries of the schedules that the user may see."""
        mine = scheduling.schedules_for(user=user_of(request))
        return super().get_queryset(request).filter(schedule__in=mine)


@admin.register(CueEntry)
class CueEntryAdmin(RoleAdmin[CueEntry]):
    """What people entered on cue sheets, read-only; the review of the file changes it."""

    list_display = ["__str__", "kind", "scanned_file", "entered_by", "entered"]
    list_filter = ["kind"]
    search_fields = ["=uid", "title", "scanned_file__name"]
    ordering = ["-id"]
    readonly_fields = all_field_names(CueEntry, but=["id"])

    @admin.display(description=_("Entered"), ordering="entered_at")
    def entered(self, entry: CueEntry) -> SafeString:
        """Return when somebody entered it."""
        return when(entry.entered_at)


# Where the approvals of cue sheets stand, read-only; the sheet has the steps.
register_records(
    SheetApproval,
    list_display=["scanned_file", "state", "version", "submitted_by", "answered_by"],
    list_filter=["state"],
    search_fields=["scanned_file__name"],
)


@admin.register(SheetEdit)
class SheetEditAdmin(RoleAdmin[SheetEdit]):
    """How people arranged cue sheets, read-only; the sheet takes edits back."""

    list_display = ["__str__", "kind", "scanned_file", "made_by", "made"]
    list_filter = ["kind"]
    search_fields = ["=uid", "scanned_file__name"]
    # Titles may be of recordings that the reader may not see.
    readonly_fields = (
        *all_field_names(SheetEdit, but=["id", "subject", "title", "other_subject", "other_title"]),
        *("subject_shown", "other_subject_shown"),
    )

    @admin.display(description=_("Subject"))
    def subject_shown(self, edit: SheetEdit) -> SafeString:
        """Return the recording, the entry or the status that its cue stands for."""
        return code(edit.subject)

    @admin.display(description=_("other subject"))
    def other_subject_shown(self, edit: SheetEdit) -> SafeString:
        """Return the same of the cue that it concerns as well."""
        return code(edit.other_subject)

    @admin.display(description=_("Made"), ordering="made_at")
    def made(self, edit: SheetEdit) -> SafeString:
        """Return when somebody made it."""
        return when(edit.made_at)

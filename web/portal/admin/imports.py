"""Admin screens of imports."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from base.accounts.roles import Action
from base.common.stored import read_stored
from imports.kinds import all_kinds, kind_of_model
from imports.models import Import
from web.portal.admin.base import RoleAdmin
from web.portal.admin.filters import PickFilter
from web.portal.admin.stored_values import draw, readable

_WORDS = {
    "bucket": _("Bucket"),
    "calls": _("Calls"),
    "candidates": _("Candidates"),
    "code": _("Code"),
    "differs": _("Other length"),
    "given": _("Audio given"),
    "paired": _("Paired"),
    "pairs": _("Pairs"),
    "still_waiting": _("Still waiting for audio"),
    "title": _("Title"),
    "uid": _("Identifier"),
    "container": _("Container"),
    "counts": _("Counts"),
    "day": _("Day of plays"),
    "file": _("File"),
    "new": _("Moved"),
    "not_moved": _("Not moved"),
    "recording": _("Recording"),
    "same": _("Here already"),
    "stream": _("Stream"),
    "there": _("In the account"),
    "what": _("What"),
    "added": pgettext_lazy("recordings", "New"),
    "after": _("After"),
    "before": _("Before"),
    "changed": _("Changed"),
    "changes": _("Updates"),
    "column": _("Column"),
    "created": pgettext_lazy("recordings", "New"),
    "created_at": _("created at"),
    "custom_id": _("Custom ID"),
    "exclusions": _("New exclusions"),
    "fault_count": _("Faults"),
    "faults": _("To correct"),
    "field": _("Field"),
    "files": _("Files"),
    "format": _("Format"),
    "is_new": pgettext_lazy("recordings", "New"),
    "is_older": _("Older than the newest"),
    "kind": _("Kind"),
    "line": _("Line"),
    "matches_suppressed": _("Matches suppressed"),
    "matches_touched": _("Matches affected"),
    "message": _("Message"),
    "message_id": _("Identifier"),
    "name": _("Name"),
    "party": _("Parties"),
    "record": _("Record"),
    "recordings": _("Recordings found"),
    "records": pgettext_lazy("records of a message", "Read"),
    "refused": _("With faults, not imported"),
    "release": _("Releases"),
    "repeated": _("Repeated ids"),
    "rescanned": _("With a different result"),
    "rights_recording": _("Recordings"),
    "rows": _("Rows"),
    "rule": _("What is needed"),
    "sender": _("Source"),
    "separator": _("Separator"),
    "skipped": pgettext_lazy("records of a message", "Skipped"),
    "suggestion": _("Suggestion"),
    "table": _("Table"),
    "unchanged": pgettext_lazy("recordings", "Unchanged"),
    "unknown_columns": _("Columns that were not read:"),
    "unknown_values": _("Values to explain"),
    "updated": _("Changed"),
    "value": _("Value"),
    "version": _("Version"),
    "warning_count": _("Warnings"),
    "vanished": _("No longer reported"),
    "warnings": _("Warnings"),
    "without_match": _("Files without a match"),
    "work": _("Works"),
}
"""What summaries of all kinds of imports count and list."""


class ImportAdmin(RoleAdmin[Import]):
    """Imports; the portal's pages create them."""

    search_fields = ["file_name", "=uid"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:  # Any: as in Django
        """Show the file, where it goes, and what became of it."""
        place = self.model.place_field
        columns = (
            "file_name",
            *((place,) if place else ()),
            *("status", "message", "made_by", "created_at"),
        )
        return readable(columns, self.model)

    def get_list_filter(
        self, request: HttpRequest
    ) -> tuple[str | tuple[str, type[PickFilter]], ...]:
        """Offer the status and the place."""
        place = self.model.place_field
        return ("status", (place, PickFilter)) if place else ("status",)

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        """Fetch the rows and relations that the list shows."""
        place = self.model.place_field
        return (place, "made_by") if place else ("made_by",)

    def get_fields(self, request: HttpRequest, obj: Import | None = None) -> tuple[str, ...]:
        """Show every column but those of files."""
        return (
            *("uid", "file_name"),
            *(kind.columns if (kind := kind_of_model(self.model)) else ()),
            *("status", "message", "outcome", "made_by", "created_at"),
        )

    get_readonly_fields = get_fields

    @admin.display(description=_("Outcome"))
    def outcome(self, import_: Import) -> SafeString:
        """Return what the check or the import counted and found, in words."""
        return draw(_read(import_.summary), _WORDS)


class AdminsImportAdmin(ImportAdmin):
    """Imports that only admins see."""

    view_action = Action.CONFIGURE


for _kind in all_kinds():
    admin.site.register(
        _kind.model, AdminsImportAdmin if _kind.action == Action.CONFIGURE else ImportAdmin
    )


def _read(value: Any, name: str = "") -> Any:  # Any: JSON
    """Return a summary with its stored sentences in the reader's language."""
    if isinstance(value, dict):
        return {key: _read(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [_read(entry, name) for entry in value]
    return read_stored(value) if name in {"rule", "message"} else value

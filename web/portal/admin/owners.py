"""Admin screens of works, parties, recordings, releases and conflicts of rights."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Work
from catalogue.owners.selectors import (
    conflicts_in_reach,
    parties_in_reach,
    recordings_in_reach,
    releases_in_reach,
    works_in_reach,
)
from web.portal.admin.base import RoleAdmin, all_field_names, register_records
from web.portal.admin.history import own_cases

# Works and the identifiers that sources give them.
register_records(
    Work,
    rows=works_in_reach,
    list_display=["title", "iswc", "category", "version", "updated_at"],
    search_fields=["title", "=iswc", "=uid"],
    hidden=["title_key"],
)


# People and companies with shares.
register_records(
    Party,
    rows=parties_in_reach,
    list_display=["__str__", "ipi_name", "isni", "society", "is_ours"],
    list_filter=["is_ours"],
    search_fields=["name", "first_name", "=ipi_name", "=isni", "=uid"],
    hidden=["name_key"],
)


# Recordings as rights know them, with or without sound here.
register_records(
    RightsRecording,
    rows=recordings_in_reach,
    list_display=["__str__", "isrc", "label", "updated_at"],
    search_fields=["title", "=isrc", "=uid"],
    hidden=["match_key"],
)


# Releases and their identifiers.
register_records(
    Release,
    rows=releases_in_reach,
    list_display=["title", "upc", "catalogue_number", "label", "released"],
    search_fields=["title", "=upc", "=grid", "=catalogue_number", "=uid"],
    hidden=["title_key"],
)


@admin.register(Conflict)
class ConflictAdmin(RoleAdmin[Conflict]):
    """Contradictions between sources; their pages settle them."""

    list_display = ["kind", "state", "record", "right", "opened_at"]
    list_filter = ["state", "kind"]
    search_fields = ["=uid"]
    readonly_fields = all_field_names(Conflict, but=["id", "basis", "evidence"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        """Apply the user's access limits."""
        return conflicts_in_reach()

    @admin.display(description=_("Record"))
    def record(self, conflict: Conflict) -> str:
        """Return the name of the work, recording or release."""
        return str(conflict.subject)


own_cases.register(
    {
        "conflict": ("conflict", "uid"),
        "party": ("party", "uid"),
        "release": ("release", "uid"),
        "rightsrecording": ("rights_recording", "uid"),
        "work": ("work", "uid"),
    }
)

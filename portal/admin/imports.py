"""Admin screens of imports."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from imports.models import (
    BroadcastImport,
    CatalogueImport,
    Import,
    ResultImport,
    RightsImport,
)
from portal.admin.base import RoleAdmin
from portal.admin.filters import PickFilter
from portal.admin.stored_values import readable

_OF_TABLES = ("encoding", "keep_unknown", "columns", "columns_from", "mapping_version")


@admin.register(BroadcastImport, CatalogueImport, ResultImport, RightsImport)
class ImportAdmin(RoleAdmin[Import]):
    """Imports; the portal's pages create them."""

    search_fields = ["file_name", "=uid"]
    ordering = ["-id"]

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

    def get_fields(
        self, request: HttpRequest, obj: Import | None = None
    ) -> tuple[str, ...]:
        """Show every column but those of files."""
        place = self.model.place_field
        return (
            *("uid", "file_name"),
            *((place,) if place else ("encoding",)),
            *(("sender",) if self.model is RightsImport else ()),
            *(_OF_TABLES if self.model is CatalogueImport else ()),
            *("status", "message", "summary", "made_by", "created_at"),
        )

    get_readonly_fields = get_fields

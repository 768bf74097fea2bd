"""Admin screens of catalogue imports and result imports."""

from __future__ import annotations

from django.contrib import admin

from imports.models import CatalogueImport, ResultImport
from portal.admin.base import RoleAdmin


@admin.register(CatalogueImport)
class CatalogueImportAdmin(RoleAdmin[CatalogueImport]):
    """Imports of recordings; the portal's pages create them."""

    list_display = [
        "table_name",
        "bucket",
        "status",
        "message",
        "made_by",
        "created_at",
    ]
    list_filter = ["status", "bucket"]
    list_select_related = ["bucket", "made_by"]
    search_fields = ["table_name", "=uid"]
    ordering = ["-id"]
    readonly_fields = (
        *("uid", "bucket", "table_name", "encoding", "keep_unknown", "status"),
        *("message", "summary", "made_by", "created_at", "updated_at"),
    )
    fields = readonly_fields


@admin.register(ResultImport)
class ResultImportAdmin(RoleAdmin[ResultImport]):
    """Imports of scan results from other programs."""

    list_display = ["file_name", "container", "status", "message", "made_by"]
    list_filter = ["status", "container"]
    list_select_related = ["container", "made_by"]
    search_fields = ["file_name", "=uid"]
    ordering = ["-id"]
    readonly_fields = (
        *("uid", "container", "file_name", "status", "message", "summary"),
        *("made_by", "created_at", "updated_at"),
    )
    fields = readonly_fields

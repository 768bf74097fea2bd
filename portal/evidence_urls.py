"""Addresses of evidence packs, cue sheets and imports of results."""

from __future__ import annotations

from django.urls import path

from portal.views import cue_sheets, evidence, result_imports

urlpatterns = [
    path("m/<str:uid>/evidence", evidence.evidence, name="evidence"),
    path("evidence/<str:uid>/zip", evidence.evidence_zip, name="evidence_zip"),
    path("evidence/<str:uid>/cancel", evidence.evidence_cancel, name="evidence_cancel"),
    path("files/<uuid:uid>/cue-sheet/", cue_sheets.cue_sheet, name="cue_sheet"),
    path(
        "files/<uuid:uid>/cue-sheet.csv",
        cue_sheets.cue_sheet_file,
        {"kind": "csv"},
        name="cue_sheet_csv",
    ),
    path(
        "files/<uuid:uid>/cue-sheet.pdf",
        cue_sheets.cue_sheet_file,
        {"kind": "pdf"},
        name="cue_sheet_pdf",
    ),
    path("files/import/", result_imports.result_import, name="result_import"),
    path(
        "files/import/<str:uid>/",
        result_imports.result_import_detail,
        name="result_import_detail",
    ),
    path(
        "files/import/<str:uid>/start/",
        result_imports.result_import_start,
        name="result_import_start",
    ),
]

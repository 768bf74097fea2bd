"""URLs of reports and cue sheets."""

from __future__ import annotations

from django.urls import path

from web.portal.reports import run_views, schedule_views, sheet_views, summary_views, views

urlpatterns = [
    path("matches/export/", views.match_export, name="match_export"),
    path("files/export/", views.file_export, name="file_export"),
    path("reports/", views.reports, name="reports"),
    path("reports/templates/", views.template_save, name="report_template_save"),
    path(
        "reports/templates/<str:uid>/delete/", views.template_delete, name="report_template_delete"
    ),
    path("reports/summary/", summary_views.summary, name="report_summary"),
    path("reports/summary/rows.csv", summary_views.summary_csv, name="report_summary_csv"),
    path("reports/schedules/", schedule_views.schedules, name="report_schedules"),
    path("reports/schedules/next/", schedule_views.schedule_next, name="report_schedule_next"),
    path(
        "reports/schedules/<str:uid>/next/",
        schedule_views.schedule_next,
        name="report_schedule_next",
    ),
    path("reports/schedules/<str:uid>/", schedule_views.schedule_edit, name="report_schedule"),
    path(
        "reports/schedules/<str:uid>/run/", schedule_views.schedule_run, name="report_schedule_run"
    ),
    path(
        "reports/schedules/<str:uid>/end/", schedule_views.schedule_end, name="report_schedule_end"
    ),
    path("reports/runs/<str:uid>/", run_views.report_run, name="report_run"),
    path("reports/runs/<str:uid>/file", run_views.run_file, name="report_file"),
    path("reports/runs/<str:uid>/manifest.json", run_views.run_manifest, name="report_manifest"),
    path("reports/runs/<str:uid>/csv-metadata.json", run_views.run_csvw, name="report_csvw"),
    path("reports/runs/<str:uid>/check/", run_views.run_check, name="report_check"),
    path("reports/runs/<str:uid>/again/", run_views.run_again, name="report_again"),
    path("reports/runs/<str:uid>/cancel/", run_views.run_cancel, name="report_cancel"),
    path("files/<uuid:uid>/cue-sheet/", sheet_views.cue_sheet, name="cue_sheet"),
    path("files/<uuid:uid>/cue-sheet/step/", sheet_views.cue_sheet_step, name="cue_sheet_step"),
    path(
        "files/<uuid:uid>/cue-sheet/versions/<int:version>/",
        sheet_views.cue_sheet_version,
        name="cue_sheet_version",
    ),
    path(
        "files/<uuid:uid>/cue-sheet.csv",
        sheet_views.cue_sheet_file,
        {"kind": "csv"},
        name="cue_sheet_csv",
    ),
    path(
        "files/<uuid:uid>/cue-sheet.xlsx",
        sheet_views.cue_sheet_file,
        {"kind": "xlsx"},
        name="cue_sheet_xlsx",
    ),
    path(
        "files/<uuid:uid>/cue-sheet.pdf",
        sheet_views.cue_sheet_file,
        {"kind": "pdf"},
        name="cue_sheet_pdf",
    ),
]

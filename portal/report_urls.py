"""Addresses of the pages of reports."""

from __future__ import annotations

from django.urls import path

from portal.views import report_runs, report_schedules, report_summary, reports

urlpatterns = [
    path("matches/export/", reports.match_export, name="match_export"),
    path("files/export/", reports.file_export, name="file_export"),
    path("reports/", reports.reports, name="reports"),
    path("reports/templates/", reports.template_save, name="report_template_save"),
    path(
        "reports/templates/<str:uid>/delete/",
        reports.template_delete,
        name="report_template_delete",
    ),
    path("reports/summary/", report_summary.summary, name="report_summary"),
    path(
        "reports/summary/rows.csv",
        report_summary.summary_csv,
        name="report_summary_csv",
    ),
    path("reports/schedules/", report_schedules.schedules, name="report_schedules"),
    path(
        "reports/schedules/<str:uid>/end/",
        report_schedules.schedule_end,
        name="report_schedule_end",
    ),
    path("reports/runs/<str:uid>/", report_runs.report_run, name="report_run"),
    path("reports/runs/<str:uid>/file", report_runs.run_file, name="report_file"),
    path(
        "reports/runs/<str:uid>/manifest.json",
        report_runs.run_manifest,
        name="report_manifest",
    ),
    path(
        "reports/runs/<str:uid>/csv-metadata.json",
        report_runs.run_csvw,
        name="report_csvw",
    ),
    path("reports/runs/<str:uid>/check/", report_runs.run_check, name="report_check"),
    path("reports/runs/<str:uid>/again/", report_runs.run_again, name="report_again"),
    path(
        "reports/runs/<str:uid>/cancel/", report_runs.run_cancel, name="report_cancel"
    ),
]

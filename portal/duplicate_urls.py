"""Addresses of the pages of duplicates."""

from __future__ import annotations

from django.urls import path

from portal.views import duplicate_pairs, duplicate_reports, duplicates

urlpatterns = [
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("duplicates/check/", duplicates.duplicate_check, name="duplicate_check"),
    path(
        "duplicates/check/state/",
        duplicates.duplicate_check_state,
        name="duplicate_check_state",
    ),
    path(
        "duplicates/compare/",
        duplicate_pairs.duplicate_compare,
        name="duplicate_compare",
    ),
    path(
        "duplicates/merge-many/", duplicate_pairs.duplicate_bulk, name="duplicate_bulk"
    ),
    path(
        "duplicates/report.<str:form>",
        duplicate_reports.duplicate_report,
        name="duplicate_report",
    ),
    path("duplicates/g/<str:uid>/", duplicates.duplicate_group, name="duplicate_group"),
    path("duplicates/g/<str:uid>/act/", duplicates.duplicate_act, name="duplicate_act"),
    path(
        "duplicates/p/<str:uid>/", duplicate_pairs.duplicate_pair, name="duplicate_pair"
    ),
    path(
        "duplicates/p/<str:uid>/keep/",
        duplicate_pairs.duplicate_pair_keep,
        name="duplicate_pair_keep",
    ),
    path("duplicates/l/<str:uid>/", duplicates.duplicate_loop, name="duplicate_loop"),
    path(
        "duplicates/done/<str:uid>/",
        duplicates.duplicate_settle,
        name="duplicate_settle",
    ),
]

"""URLs of duplicates."""

from __future__ import annotations

from django.urls import path

from web.portal.duplicates import pair_views, views

urlpatterns = [
    path("duplicates/", views.duplicates, name="duplicates"),
    path("duplicates/check/", views.duplicate_check, name="duplicate_check"),
    path("duplicates/check/state/", views.duplicate_check_state, name="duplicate_check_state"),
    path("duplicates/compare/", pair_views.duplicate_compare, name="duplicate_compare"),
    path("duplicates/merge-many/", pair_views.duplicate_bulk, name="duplicate_bulk"),
    path("duplicates/report.<str:form>", views.duplicate_report, name="duplicate_report"),
    path("duplicates/g/<str:uid>/", views.duplicate_group, name="duplicate_group"),
    path("duplicates/g/<str:uid>/act/", views.duplicate_act, name="duplicate_act"),
    path("duplicates/p/<str:uid>/", pair_views.duplicate_pair, name="duplicate_pair"),
    path(
        "duplicates/p/<str:uid>/keep/", pair_views.duplicate_pair_keep, name="duplicate_pair_keep"
    ),
    path("duplicates/l/<str:uid>/", views.duplicate_loop, name="duplicate_loop"),
    path("duplicates/done/<str:uid>/", views.duplicate_settle, name="duplicate_settle"),
]

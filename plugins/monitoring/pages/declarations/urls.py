"""URLs of declarations."""

from __future__ import annotations

from django.urls import path

from plugins.monitoring.pages.declarations import views

urlpatterns = [
    path("reports/declarations/", views.declarations, name="declarations"),
    path("reports/declarations/check/", views.declaration_check, name="declaration_check"),
    path(
        "reports/declarations/profiles/add/",
        views.declaration_profile_add,
        name="declaration_profile_add",
    ),
    path(
        "reports/declarations/profiles/<str:uid>/",
        views.declaration_profile,
        name="declaration_profile",
    ),
    path(
        "reports/declarations/profiles/<str:uid>/delete/",
        views.declaration_profile_delete,
        name="declaration_profile_delete",
    ),
    path("reports/declarations/<str:uid>/", views.declaration, name="declaration"),
    path("reports/declarations/<str:uid>/file", views.declaration_file, name="declaration_file"),
    path(
        "reports/declarations/<str:uid>/undeclared.csv",
        views.declaration_undeclared,
        name="declaration_undeclared_csv",
    ),
    path(
        "reports/declarations/<str:uid>/manifest.json",
        views.declaration_manifest_file,
        name="declaration_manifest",
    ),
    path(
        "reports/declarations/<str:uid>/files-check/",
        views.declaration_files_check,
        name="declaration_files_check",
    ),
    path(
        "reports/declarations/<str:uid>/cancel/",
        views.declaration_cancel,
        name="declaration_cancel",
    ),
    path(
        "reports/declarations/<str:uid>/again/", views.declaration_again, name="declaration_again"
    ),
]

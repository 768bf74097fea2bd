"""URLs of imports: of recordings, of results, of rights and of broadcasts."""

from __future__ import annotations

from django.urls import path

from portal.imports import views

_SAMPLES = {
    "recordings": "catalogue/import/sample",
    "rights": "rights/import/sample",
    "schedule": "broadcasts/import/sample-schedule",
    "audience": "broadcasts/import/sample-audience",
}

urlpatterns = [
    path("catalogue/import/", views.catalogue_import, name="catalogue_import"),
    *(
        path(
            f"{address}.{form}",
            views.import_sample,
            {"name": name, "form": form},
            name=f"import_sample_{name}_{form}",
        )
        for name, address in _SAMPLES.items()
        for form in ("csv", "xlsx")
    ),
    path("catalogue/import/<str:uid>/", views.import_detail, name="import_detail"),
    path("catalogue/import/<str:uid>/start/", views.import_start, name="import_start"),
    path(
        "catalogue/import/<str:uid>/undo/",
        views.import_undo,
        name="import_undo",
    ),
    path(
        "catalogue/import/<str:uid>/columns/",
        views.import_columns,
        name="import_columns",
    ),
    path(
        "catalogue/import/<str:uid>/rows.csv",
        views.import_bad_rows,
        name="import_bad_rows",
    ),
    path("catalogue/add-audio/", views.audio_import, name="audio_import"),
    path(
        "catalogue/add-audio/<str:uid>/",
        views.audio_import_detail,
        name="audio_import_detail",
    ),
    path(
        "catalogue/add-audio/<str:uid>/start/",
        views.audio_import_start,
        name="audio_import_start",
    ),
    path(
        "catalogue/add-audio/<str:uid>/undo/",
        views.audio_import_undo,
        name="audio_import_undo",
    ),
    path("catalogue/move-in/", views.move_in, name="move_in"),
    path("catalogue/move-in/<str:uid>/", views.move_in_detail, name="move_in_detail"),
    path(
        "catalogue/move-in/<str:uid>/start/",
        views.move_in_start,
        name="move_in_start",
    ),
    path(
        "catalogue/move-in/<str:uid>/switch/",
        views.move_in_switch,
        name="move_in_switch",
    ),
    path(
        "catalogue/move-in/<str:uid>/callback/",
        views.move_in_callback,
        name="move_in_callback",
    ),
    *(
        path(
            f"catalogue/move-in/<str:uid>/report.{form}",
            views.move_in_report,
            {"form": form},
            name=f"move_in_report_{form}",
        )
        for form in ("csv", "xlsx")
    ),
    path("catalogue/move-in/<str:uid>/undo/", views.move_in_undo, name="move_in_undo"),
    path("files/import/", views.result_import, name="result_import"),
    path(
        "files/import/<str:uid>/",
        views.result_import_detail,
        name="result_import_detail",
    ),
    path(
        "files/import/<str:uid>/start/",
        views.result_import_start,
        name="result_import_start",
    ),
    path(
        "files/import/<str:uid>/undo/",
        views.result_import_undo,
        name="result_import_undo",
    ),
    path("rights/import/", views.rights_import, name="rights_import"),
    path(
        "rights/import/<str:uid>/",
        views.rights_import_detail,
        name="rights_import_detail",
    ),
    path(
        "rights/import/<str:uid>/start/",
        views.rights_import_start,
        name="rights_import_start",
    ),
    path(
        "rights/import/<str:uid>/undo/",
        views.rights_import_undo,
        name="rights_import_undo",
    ),
    path("claims/import/", views.claims_import, name="claims_import"),
    path(
        "claims/import/<str:uid>/",
        views.claims_import_detail,
        name="claims_import_detail",
    ),
    path(
        "claims/import/<str:uid>/start/",
        views.claims_import_start,
        name="claims_import_start",
    ),
    path(
        "claims/import/<str:uid>/undo/",
        views.claims_import_undo,
        name="claims_import_undo",
    ),
    path("broadcasts/import/", views.broadcast_import, name="broadcast_import"),
    path(
        "broadcasts/import/<str:uid>/",
        views.broadcast_import_detail,
        name="broadcast_import_detail",
    ),
    path(
        "broadcasts/import/<str:uid>/start/",
        views.broadcast_import_start,
        name="broadcast_import_start",
    ),
    path(
        "broadcasts/import/<str:uid>/undo/",
        views.broadcast_import_undo,
        name="broadcast_import_undo",
    ),
]

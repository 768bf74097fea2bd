"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from portal.views import (
    catalogue,
    containers,
    dashboard,
    duplicates,
    files,
    matches,
    media,
    outbound,
    reports,
    search,
    tokens,
    upload,
)

app_name = "portal"

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("upload/", upload.upload, name="upload"),
    path("files/", files.file_list, name="file_list"),
    path("files/export/", reports.file_export, name="file_export"),
    path("files/<uuid:uid>/", files.file_detail, name="file_detail"),
    path("files/<uuid:uid>/audio", media.file_audio, name="file_audio"),
    path("files/<uuid:uid>/rescan/", files.file_rescan, name="file_rescan"),
    path("files/<uuid:uid>/cancel/", files.file_cancel, name="file_cancel"),
    path("files/<uuid:uid>/attach/", files.file_attach, name="file_attach"),
    path("m/<str:uid>", matches.match, name="match"),
    path("matches/", matches.match_list, name="match_list"),
    path("matches/export/", reports.match_export, name="match_export"),
    path("containers/", containers.container_list, name="container_list"),
    path("containers/new/", containers.container_create, name="container_create"),
    path("containers/<int:pk>/", containers.container_edit, name="container_edit"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/buckets/<int:pk>/", catalogue.bucket_detail, name="bucket_detail"),
    path("catalogue/buckets/new/", catalogue.bucket_create, name="bucket_create"),
    path("catalogue/recordings/new/", catalogue.recording_add, name="recording_add"),
    path(
        "catalogue/recordings/<str:uid>/",
        catalogue.recording_detail,
        name="recording_detail",
    ),
    path(
        "catalogue/recordings/<str:uid>/audio",
        media.recording_audio,
        name="recording_audio",
    ),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("reports/", reports.export, name="reports"),
    path("search/", search.search, name="search"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/keys/new/", tokens.project_create, name="project_create"),
    path("tokens/keys/<str:uid>/end/", tokens.project_revoke, name="project_revoke"),
    path("tokens/<str:uid>/revoke/", tokens.token_revoke, name="token_revoke"),
    path(
        "callbacks-sent/<str:uid>/again/",
        outbound.callback_again,
        name="callback_again",
    ),
]

"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from portal import rule_urls
from portal.views import (
    catalogue,
    containers,
    dashboard,
    duplicates,
    files,
    imports,
    links,
    matches,
    media,
    outbound,
    queue,
    recording_actions,
    reports,
    review,
    search,
    tokens,
    upload,
)

app_name = "portal"

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("upload/", upload.upload, name="upload"),
    path("links/", links.links, name="links"),
    path("links/feed/", links.feed, name="link_feed"),
    path("links/feed/items/", links.feed_items, name="link_feed_items"),
    path("files/", files.file_list, name="file_list"),
    path("files/export/", reports.file_export, name="file_export"),
    path("files/<uuid:uid>/", files.file_detail, name="file_detail"),
    path("files/<uuid:uid>/audio", media.file_audio, name="file_audio"),
    path("files/<uuid:uid>/rescan/", files.file_rescan, name="file_rescan"),
    path("files/<uuid:uid>/cancel/", files.file_cancel, name="file_cancel"),
    path("files/<uuid:uid>/delete/", files.file_delete, name="file_delete"),
    path("files/<uuid:uid>/attach/", files.file_attach, name="file_attach"),
    path("queue/", queue.queue, name="queue"),
    path("queue/files/", queue.unmatched, name="queue_files"),
    path("queue/decide/", queue.decide_many, name="decide_many"),
    path("m/<str:uid>", review.review, name="match"),
    path("m/<str:uid>/decide", review.decide, name="match_decide"),
    path("m/<str:uid>/note", review.note, name="match_note"),
    path("m/<str:uid>/lock", review.lock, name="match_lock"),
    path("m/<str:uid>/release", review.release, name="match_release"),
    path("matches/", matches.match_list, name="match_list"),
    path("matches/export/", reports.match_export, name="match_export"),
    path("containers/", containers.container_list, name="container_list"),
    path("containers/new/", containers.container_create, name="container_create"),
    path("containers/<int:pk>/", containers.container_edit, name="container_edit"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/buckets/<int:pk>/", catalogue.bucket_detail, name="bucket_detail"),
    path("catalogue/buckets/new/", catalogue.bucket_create, name="bucket_create"),
    path("catalogue/import/", imports.catalogue_import, name="catalogue_import"),
    path("catalogue/import/<str:uid>/", imports.import_detail, name="import_detail"),
    path(
        "catalogue/import/<str:uid>/start/", imports.import_start, name="import_start"
    ),
    path(
        "catalogue/import/<str:uid>/rows.csv",
        imports.import_bad_rows,
        name="import_bad_rows",
    ),
    path("catalogue/recordings/new/", catalogue.recording_add, name="recording_add"),
    path(
        "catalogue/recordings/<str:uid>/",
        catalogue.recording_detail,
        name="recording_detail",
    ),
    path(
        "catalogue/recordings/<str:uid>/fingerprint/",
        recording_actions.recording_refingerprint,
        name="recording_refingerprint",
    ),
    path(
        "catalogue/recordings/<str:uid>/delete/",
        recording_actions.recording_retire,
        name="recording_retire",
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
    *rule_urls.urlpatterns,
]

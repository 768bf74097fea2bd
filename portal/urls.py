"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from portal import duplicate_urls, evidence_urls, queue_urls, report_urls, rule_urls
from portal.views import (
    catalogue,
    containers,
    dashboard,
    files,
    imports,
    jobs,
    links,
    matches,
    media,
    outbound,
    recording_actions,
    retention,
    retro,
    review,
    search,
    tokens,
    upload,
    watches,
)

app_name = "portal"

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("upload/", upload.upload, name="upload"),
    path("links/", links.links, name="links"),
    path("links/feed/", links.feed, name="link_feed"),
    path("links/feed/items/", links.feed_items, name="link_feed_items"),
    path("watches/", watches.watch_list, name="watch_list"),
    path("watches/new/", watches.watch_create, name="watch_create"),
    path("watches/<str:uid>/", watches.watch_detail, name="watch_detail"),
    path("watches/<str:uid>/edit/", watches.watch_edit, name="watch_edit"),
    path("watches/<str:uid>/switch/", watches.watch_switch, name="watch_switch"),
    path("watches/<str:uid>/check/", watches.watch_check, name="watch_check"),
    path("watches/<str:uid>/delete/", watches.watch_delete, name="watch_delete"),
    path("files/", files.file_list, name="file_list"),
    path("files/<uuid:uid>/", files.file_detail, name="file_detail"),
    path("files/<uuid:uid>/audio", media.file_audio, name="file_audio"),
    path(
        "files/<uuid:uid>/remove-audio/",
        files.file_remove_audio,
        name="file_remove_audio",
    ),
    path("files/<uuid:uid>/rescan/", files.file_rescan, name="file_rescan"),
    path("files/<uuid:uid>/cancel/", files.file_cancel, name="file_cancel"),
    path("files/<uuid:uid>/delete/", files.file_delete, name="file_delete"),
    path("files/<uuid:uid>/attach/", files.file_attach, name="file_attach"),
    path("m/<str:uid>", review.review, name="match"),
    path("m/<str:uid>/decide", review.decide, name="match_decide"),
    path("m/<str:uid>/note", review.note, name="match_note"),
    path("m/<str:uid>/lock", review.lock, name="match_lock"),
    path("m/<str:uid>/release", review.release, name="match_release"),
    path("matches/", matches.match_list, name="match_list"),
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
        "catalogue/searches/new/",
        retro.retro_start,
        name="retro_start",
    ),
    path(
        "catalogue/searches/<str:uid>/",
        retro.retro_search,
        name="retro_search",
    ),
    path(
        "catalogue/searches/<str:uid>/cancel/",
        retro.retro_cancel,
        name="retro_cancel",
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
    path("search/", search.search, name="search"),
    path("jobs/", jobs.job_list, name="jobs"),
    path("jobs/again/", jobs.job_again, name="job_again"),
    path("retention/", retention.retention, name="retention"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/keys/new/", tokens.project_create, name="project_create"),
    path("tokens/keys/<str:uid>/end/", tokens.project_revoke, name="project_revoke"),
    path("tokens/<str:uid>/revoke/", tokens.token_revoke, name="token_revoke"),
    path(
        "callbacks-sent/<str:uid>/again/",
        outbound.callback_again,
        name="callback_again",
    ),
    *queue_urls.urlpatterns,
    *report_urls.urlpatterns,
    *duplicate_urls.urlpatterns,
    *rule_urls.urlpatterns,
    *evidence_urls.urlpatterns,
]

"""URLs of the catalogue: buckets, recordings, their exclusions and searches."""

from __future__ import annotations

from django.urls import path

from web.portal.catalogue import exclusion_views, retro_views, views
from web.portal.catalogue.lists import BUCKETS, UNFINDABLE

urlpatterns = [
    path("catalogue/", BUCKETS.view, name="catalogue"),
    path("catalogue/cannot-be-found/", UNFINDABLE.view, name="unfindable_recordings"),
    path("catalogue/buckets/<int:pk>/", views.bucket_detail, name="bucket_detail"),
    path("catalogue/buckets/<int:pk>/delete/", views.bucket_delete, name="bucket_delete"),
    path("catalogue/buckets/new/", views.bucket_create, name="bucket_create"),
    path("catalogue/recordings/new/", views.recording_add, name="recording_add"),
    path("catalogue/recordings/<str:uid>/", views.recording_detail, name="recording_detail"),
    path("catalogue/searches/new/", retro_views.retro_start, name="retro_start"),
    path("catalogue/searches/<str:uid>/", retro_views.retro_search, name="retro_search"),
    path("catalogue/searches/<str:uid>/cancel/", retro_views.retro_cancel, name="retro_cancel"),
    path("catalogue/recordings/<str:uid>/edit/", views.recording_edit, name="recording_edit"),
    path(
        "catalogue/recordings/<str:uid>/fingerprint/",
        views.recording_refingerprint,
        name="recording_refingerprint",
    ),
    path(
        "catalogue/recordings/<str:uid>/replace-audio/",
        views.recording_replace_audio,
        name="recording_replace_audio",
    ),
    path("catalogue/recordings/<str:uid>/delete/", views.recording_retire, name="recording_retire"),
    path("catalogue/recordings/<str:uid>/move/", views.recording_move, name="recording_move"),
    path("catalogue/recordings/<str:uid>/audio", views.recording_audio, name="recording_audio"),
    path(
        "catalogue/recordings/<str:uid>/exclude/",
        exclusion_views.exclusion_add,
        name="exclusion_add",
    ),
    path(
        "exclusions/<str:uid>/approve/", exclusion_views.exclusion_approve, name="exclusion_approve"
    ),
    path("exclusions/<str:uid>/remove/", exclusion_views.exclusion_remove, name="exclusion_remove"),
]

"""URLs of files and of the retention page."""

from __future__ import annotations

from django.urls import path

from web.portal.files import bulk_actions, views

urlpatterns = [
    path("files/", views.file_list, name="file_list"),
    path("files/many/", bulk_actions.files_many, name="files_many"),
    path("files/changes/", views.file_changes, name="file_changes"),
    path("files/<uuid:uid>/", views.file_detail, name="file_detail"),
    path("files/<uuid:uid>/audio", views.file_audio, name="file_audio"),
    path("files/<uuid:uid>/remove-audio/", views.file_remove_audio, name="file_remove_audio"),
    path("files/<uuid:uid>/details/", views.file_details, name="file_details"),
    path("files/<uuid:uid>/rescan/", views.file_rescan, name="file_rescan"),
    path("files/<uuid:uid>/cancel/", views.file_cancel, name="file_cancel"),
    path("files/<uuid:uid>/delete/", views.file_delete, name="file_delete"),
    path("files/<uuid:uid>/attach/", views.file_attach, name="file_attach"),
    path("retention/", views.retention, name="retention"),
]

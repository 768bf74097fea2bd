"""Addresses of the portal's own API."""

from __future__ import annotations

from django.urls import path

from portal.api import views

app_name = "api"

urlpatterns = [
    path("files/", views.FilesView.as_view(), name="files"),
    path("files/<uuid:uid>/", views.FileView.as_view(), name="file"),
    path("files/<uuid:uid>/rescan/", views.RescanView.as_view(), name="rescan"),
    path("files/<uuid:uid>/cancel/", views.CancelView.as_view(), name="cancel"),
    path("files/<uuid:uid>/audio/", views.AudioView.as_view(), name="attach_audio"),
    path("links/", views.LinksView.as_view(), name="links"),
]

"""URLs of monitoring in the portal's own API."""

from __future__ import annotations

from django.urls import path

from plugins.monitoring.api import broadcasts, declarations, streams

urlpatterns = [
    path(
        "files/<uuid:uid>/broadcasts/", broadcasts.FileBroadcastsView.as_view(), name="broadcasts"
    ),
    path(
        "files/<uuid:uid>/broadcasts/<str:broadcast>/",
        broadcasts.FileBroadcastView.as_view(),
        name="broadcast",
    ),
    path("stations/", broadcasts.StationsView.as_view(), name="stations"),
    path(
        "stations/<str:uid>/audiences/",
        broadcasts.StationAudiencesView.as_view(),
        name="station_audiences",
    ),
    path(
        "stations/<str:uid>/revenues/",
        broadcasts.StationRevenuesView.as_view(),
        name="station_revenues",
    ),
    path("streams/", streams.StreamListView.as_view(), name="streams"),
    path("streams/<str:uid>/", streams.StreamFactsView.as_view(), name="stream"),
    path("streams/<str:uid>/day/", streams.StreamDayView.as_view(), name="stream_day"),
    path("declarations/", declarations.DeclarationsView.as_view(), name="declarations"),
    path(
        "declarations/check/", declarations.DeclarationCheckView.as_view(), name="declaration_check"
    ),
    path("declarations/<str:uid>/", declarations.OneDeclarationView.as_view(), name="declaration"),
    path(
        "declarations/<str:uid>/file/",
        declarations.DeclarationFileView.as_view(),
        name="declaration_file",
    ),
    path(
        "declarations/<str:uid>/manifest/",
        declarations.DeclarationManifestView.as_view(),
        name="declaration_manifest",
    ),
    path(
        "declarations/<str:uid>/cancel/",
        declarations.DeclarationCancelView.as_view(),
        name="declaration_cancel",
    ),
]

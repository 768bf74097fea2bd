"""URLs of Broadcast Monitoring and of unknown content."""

from __future__ import annotations

from django.urls import URLPattern, path

from plugins.monitoring.wire.views import plays, projects, streams, unknown

_PROJECT = "api/bm-cs-projects/<str:container_id>"
_STREAM = f"{_PROJECT}/streams/<str:ids>"
_UNKNOWN = "api/ucf-projects/<str:container_id>/results"

urlpatterns: list[URLPattern] = [
    path("api/ucf-projects", unknown.UnknownProjectsView.as_view()),
    path(_UNKNOWN, unknown.UnknownItemsView.as_view()),
    path(f"{_UNKNOWN}/<str:item_id>", unknown.UnknownItemView.as_view()),
    path(f"{_UNKNOWN}/<str:item_id>/pending", unknown.PendingView.as_view()),
    path("api/bm-cs-projects", projects.MonitoringProjectsView.as_view()),
    path(_PROJECT, projects.MonitoringProjectView.as_view()),
    path(f"{_PROJECT}/result-callback", projects.ResultCallbackView.as_view()),
    path(f"{_PROJECT}/state-notification", projects.StateNotificationView.as_view()),
    path(f"{_PROJECT}/streams", streams.MonitoredStreamsView.as_view()),
    path(_STREAM, streams.MonitoredStreamView.as_view()),
    path(f"{_STREAM}/pause", streams.PauseStreamView.as_view()),
    path(f"{_STREAM}/restart", streams.RestartStreamView.as_view()),
    path(f"{_STREAM}/state", plays.StreamStateView.as_view()),
    path(f"{_STREAM}/results", plays.StreamResultsView.as_view()),
    path(f"{_STREAM}/recordings", plays.StreamRecordingsView.as_view()),
]

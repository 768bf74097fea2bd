"""URLs of Broadcast Monitoring and of unknown content."""

from __future__ import annotations

from django.urls import URLPattern, path

from plugins.monitoring.wire.views import plays as monitored_plays
from plugins.monitoring.wire.views import projects as monitoring
from plugins.monitoring.wire.views import streams as monitored_streams
from plugins.monitoring.wire.views import unknown

_MONITORING = "api/bm-cs-projects/<str:container_id>"
_STREAM = f"{_MONITORING}/streams/<str:ids>"
_UNKNOWN = "api/ucf-projects/<str:container_id>/results"

urlpatterns: list[URLPattern] = [
    path("api/ucf-projects", unknown.UnknownProjectsView.as_view()),
    path(_UNKNOWN, unknown.UnknownItemsView.as_view()),
    path(f"{_UNKNOWN}/<str:item_id>", unknown.UnknownItemView.as_view()),
    path(f"{_UNKNOWN}/<str:item_id>/pending", unknown.PendingView.as_view()),
    path("api/bm-cs-projects", monitoring.MonitoringProjectsView.as_view()),
    path(_MONITORING, monitoring.MonitoringProjectView.as_view()),
    path(f"{_MONITORING}/result-callback", monitoring.ResultCallbackView.as_view()),
    path(
        f"{_MONITORING}/state-notification",
        monitoring.StateNotificationView.as_view(),
    ),
    path(f"{_MONITORING}/streams", monitored_streams.MonitoredStreamsView.as_view()),
    path(_STREAM, monitored_streams.MonitoredStreamView.as_view()),
    path(f"{_STREAM}/pause", monitored_streams.PauseStreamView.as_view()),
    path(f"{_STREAM}/restart", monitored_streams.RestartStreamView.as_view()),
    path(f"{_STREAM}/state", monitored_plays.StreamStateView.as_view()),
    path(f"{_STREAM}/results", monitored_plays.StreamResultsView.as_view()),
    path(f"{_STREAM}/recordings", monitored_plays.StreamRecordingsView.as_view()),
]

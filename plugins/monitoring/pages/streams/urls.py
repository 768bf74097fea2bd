"""URLs of stations and streams."""

from __future__ import annotations

from django.urls import path

from plugins.monitoring.pages.streams import station_views, views
from plugins.monitoring.pages.streams.lists import ALARMS, STATIONS

urlpatterns = [
    path("streams/", views.streams, name="streams"),
    path("streams/log/", views.stream_log, name="stream_log"),
    path("streams/log.<str:form>", views.stream_log_report, name="stream_log_report"),
    path("streams/alarms/", ALARMS.view, name="stream_alarms"),
    path("streams/add/", views.stream_add, name="stream_add"),
    path("streams/stations/", STATIONS.view, name="station_list"),
    path("streams/stations/add/", station_views.station_add, name="station_add"),
    path("streams/stations/<str:uid>/", station_views.station, name="station"),
    path("streams/stations/<str:uid>/edit/", station_views.station_edit, name="station_edit"),
    path("streams/stations/<str:uid>/banned/", station_views.station_banned, name="station_banned"),
    path("streams/<str:uid>/", views.stream_day, name="stream_day"),
    path("streams/<str:uid>/edit/", views.stream_edit, name="stream_edit"),
    path("streams/<str:uid>/act/", views.stream_act, name="stream_act"),
    path("streams/<str:uid>/delete/", views.stream_delete, name="stream_delete"),
]

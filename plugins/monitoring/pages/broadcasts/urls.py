"""URLs of episodes, broadcasts, uses of music and figures of stations."""

from __future__ import annotations

from django.urls import path

from plugins.monitoring.pages.broadcasts import views

_OF_FILE = "files/<uuid:uid>/broadcasts/"
_ONE = f"{_OF_FILE}<str:broadcast>/"

urlpatterns = [
    path(_OF_FILE, views.file_broadcasts, name="file_broadcasts"),
    path(f"{_OF_FILE}add/", views.broadcast_add, name="broadcast_add"),
    path(_ONE, views.broadcast, name="broadcast"),
    path(f"{_ONE}audience/", views.broadcast_audience, name="broadcast_audience"),
    path(f"{_ONE}delete/", views.broadcast_delete, name="broadcast_delete"),
    path("streams/stations/<str:uid>/figures/", views.station_figures, name="station_figures"),
    path("streams/stations/<str:uid>/hours/", views.station_hours, name="station_hours"),
    path("streams/stations/<str:uid>/revenue/", views.station_revenue, name="station_revenue"),
]

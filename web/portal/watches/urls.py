"""URLs of watches."""

from __future__ import annotations

from django.urls import path

from web.portal.watches import views
from web.portal.watches.lists import WATCHES

urlpatterns = [
    path("watches/", WATCHES.view, name="watch_list"),
    path("watches/new/", views.watch_create, name="watch_create"),
    path("watches/<str:uid>/", views.watch_detail, name="watch_detail"),
    path("watches/<str:uid>/edit/", views.watch_edit, name="watch_edit"),
    path("watches/<str:uid>/switch/", views.watch_switch, name="watch_switch"),
    path("watches/<str:uid>/check/", views.watch_check, name="watch_check"),
    path("watches/<str:uid>/delete/", views.watch_delete, name="watch_delete"),
]

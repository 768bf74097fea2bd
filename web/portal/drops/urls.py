"""URLs of drops."""

from __future__ import annotations

from django.urls import path

from web.portal.drops import views
from web.portal.drops.lists import DROPS

urlpatterns = [
    path("drops/", DROPS.view, name="drop_list"),
    path("drops/new/", views.drop_create, name="drop_create"),
    path("drops/<str:uid>/", views.drop_detail, name="drop_detail"),
    path("drops/<str:uid>/edit/", views.drop_edit, name="drop_edit"),
    path("drops/<str:uid>/switch/", views.drop_switch, name="drop_switch"),
    path("drops/<str:uid>/poll/", views.drop_poll, name="drop_poll"),
    path("drops/<str:uid>/retry/", views.drop_retry, name="drop_retry"),
    path("drops/<str:uid>/folders/", views.drop_folders, name="drop_folders"),
    path("drops/<str:uid>/delete/", views.drop_delete, name="drop_delete"),
]

"""URLs of containers and their outgoing callbacks."""

from __future__ import annotations

from django.urls import path

from web.portal.containers import views
from web.portal.containers.lists import CONTAINERS

urlpatterns = [
    path("containers/", CONTAINERS.view, name="container_list"),
    path("containers/new/", views.container_create, name="container_create"),
    path("containers/<int:pk>/", views.container_edit, name="container_edit"),
    path("containers/<int:pk>/delete/", views.container_delete, name="container_delete"),
    path("callbacks-sent/<str:uid>/again/", views.callback_again, name="callback_again"),
]

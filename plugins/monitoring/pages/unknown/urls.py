"""URLs of repeated unknown sound."""

from __future__ import annotations

from django.urls import path

from plugins.monitoring.pages.unknown import container_views, views

urlpatterns = [
    path("unknown/", views.unknown, name="unknown"),
    path("unknown/changes/", views.unknown_changes, name="unknown_changes"),
    path("unknown/many/", views.unknown_many, name="unknown_many"),
    path("unknown/report.<str:form>", views.unknown_report, name="unknown_report"),
    path(
        "containers/<int:pk>/unknown/", container_views.container_unknown, name="container_unknown"
    ),
    path("unknown/<str:uid>/", views.unknown_item, name="unknown_item"),
    path("unknown/<str:uid>/act/", views.unknown_act, name="unknown_act"),
]

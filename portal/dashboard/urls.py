"""URLs of the dashboard and of the search box in every page's header."""

from __future__ import annotations

from django.urls import path

from portal.dashboard import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("search/", views.search, name="search"),
]

"""URLs of the search and of the choices of search boxes."""

from __future__ import annotations

from django.urls import path

from web.portal.search import views

urlpatterns = [
    path("search/", views.search, name="search"),
    path("choices/", views.choices, name="choices"),
]

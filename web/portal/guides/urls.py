"""URLs of the guides and their pictures."""

from __future__ import annotations

from django.urls import path

from web.portal.guides import views

urlpatterns = [
    path("guides/", views.guides, name="guides"),
    path("guides/images/<str:name>", views.guide_image, name="guide_image"),
    path("guides/<slug:name>/", views.guide, name="guide"),
]

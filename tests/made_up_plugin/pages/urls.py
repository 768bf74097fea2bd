"""URLs of letters."""

from __future__ import annotations

from django.urls import path

from plugins.letters.pages import views

urlpatterns = [
    path("letters/", views.letters, name="letters"),
    path("letters/<str:uid>/", views.letter, name="letter"),
]

"""URLs of letters."""

from __future__ import annotations

from django.urls import path

from plugins.letters.pages import views
from plugins.letters.pages.lists import LETTERS

urlpatterns = [
    path("letters/", LETTERS.view, name="letters"),
    path("letters/<str:uid>/", views.letter, name="letter"),
]

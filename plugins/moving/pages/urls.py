"""URLs of trials, and those of moves beside the ones of all imports."""

from __future__ import annotations

from django.urls import path

from plugins.moving.importing.kind import MOVES
from plugins.moving.pages import move_views, views

_MOVE = f"{MOVES.address}/<str:uid>/"

urlpatterns = [
    path("trials/", views.trial_list, name="trial_list"),
    path("trials/<str:uid>/", views.trial, name="trial"),
    path("trials/<str:uid>/compare/", views.trial_compare, name="trial_compare"),
    path("trials/<str:uid>/end/", views.trial_end, name="trial_end"),
    path("trials/<str:uid>/judge/", views.trial_judge, name="trial_judge"),
    path("trials/<str:uid>/report.json", views.trial_report, name="trial_report"),
    path(f"{_MOVE}switch/", move_views.move_in_switch, name="move_in_switch"),
    path(f"{_MOVE}callback/", move_views.move_in_callback, name="move_in_callback"),
    *(
        path(
            f"{_MOVE}report.{form}",
            move_views.move_in_report,
            {"form": form},
            name=f"move_in_report_{form}",
        )
        for form in ("csv", "xlsx")
    ),
]

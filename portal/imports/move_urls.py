"""URLs of moves of accounts, beside those of all imports."""

from __future__ import annotations

from django.urls import path

from imports.moving.kind import MOVES
from portal.imports import move_views as views

_MOVE = f"{MOVES.address}/<str:uid>/"

urlpatterns = [
    path(f"{_MOVE}switch/", views.move_in_switch, name="move_in_switch"),
    path(f"{_MOVE}callback/", views.move_in_callback, name="move_in_callback"),
    *(
        path(
            f"{_MOVE}report.{form}",
            views.move_in_report,
            {"form": form},
            name=f"move_in_report_{form}",
        )
        for form in ("csv", "xlsx")
    ),
]

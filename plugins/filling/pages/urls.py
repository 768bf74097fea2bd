"""URLs of suggestions for missing metadata, their sources and rules."""

from __future__ import annotations

from django.urls import path

from plugins.filling.pages import source_views, views
from plugins.filling.pages.lists import DIFFERENCES, SUGGESTIONS

urlpatterns = [
    path("catalogue/fill-in/", views.fill_in, name="fill_in"),
    path("catalogue/fill-in/list/", SUGGESTIONS.view, name="suggestion_list"),
    path("catalogue/fill-in/accept/", views.suggestion_bulk, name="suggestion_bulk"),
    path("catalogue/fill-in/undo/", views.filling_undo, name="filling_undo"),
    path("catalogue/fill-in/suggestions/<str:uid>/", views.suggestion, name="suggestion"),
    path(
        "catalogue/fill-in/suggestions/<str:uid>/act/", views.suggestion_act, name="suggestion_act"
    ),
    path("catalogue/fill-in/differences/", DIFFERENCES.view, name="difference_list"),
    path(
        "catalogue/fill-in/differences/<str:uid>/act/", views.difference_act, name="difference_act"
    ),
    path("catalogue/fill-in/rules/", source_views.filling_rules, name="filling_rules"),
    path(
        "catalogue/fill-in/rules/<str:uid>/act/",
        source_views.filling_rule_act,
        name="filling_rule_act",
    ),
    path("catalogue/fill-in/sources/", source_views.open_data, name="open_data"),
    path("catalogue/fill-in/sources/send/", source_views.open_data_send, name="open_data_send"),
    path(
        "catalogue/fill-in/sources/<str:uid>/read/",
        source_views.open_data_read,
        name="open_data_read",
    ),
    path(
        "catalogue/fill-in/sources/<str:uid>/delete/",
        source_views.open_data_delete,
        name="open_data_delete",
    ),
]

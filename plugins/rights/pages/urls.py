"""URLs of works, parties, releases, recordings with rights, and conflicts."""

from __future__ import annotations

from django.urls import path

from plugins.rights.pages import conflict_views, views
from plugins.rights.pages.lists import PARTIES, RELEASES, WORKS

urlpatterns = [
    path("rights/export/", conflict_views.rights_export, name="rights_export"),
    path("rights/works/", WORKS.view, name="work_list"),
    path("rights/works/new/", views.work_create, name="work_create"),
    path("rights/works/<str:uid>/", views.work, name="work"),
    path("rights/works/<str:uid>/edit/", views.work_edit, name="work_edit"),
    path("rights/works/<str:uid>/share/", views.work_share, name="work_share"),
    path("rights/works/<str:uid>/act/", views.work_act, name="work_act"),
    path("rights/parties/", PARTIES.view, name="party_list"),
    path("rights/parties/new/", views.party_create, name="party_create"),
    path("rights/parties/<str:uid>/", views.party, name="party"),
    path("rights/parties/<str:uid>/edit/", views.party_edit, name="party_edit"),
    path("rights/parties/<str:uid>/act/", views.party_act, name="party_act"),
    path("rights/releases/", RELEASES.view, name="release_list"),
    path("rights/releases/new/", views.release_create, name="release_create"),
    path("rights/releases/<str:uid>/", views.release, name="release"),
    path("rights/releases/<str:uid>/edit/", views.release_edit, name="release_edit"),
    path("rights/releases/<str:uid>/act/", views.release_act, name="release_act"),
    path("rights/recordings/<str:uid>/", views.recording, name="rights_recording"),
    path(
        "rights/recordings/<str:uid>/share/", views.recording_share, name="rights_recording_share"
    ),
    path("rights/recordings/<str:uid>/act/", views.recording_act, name="rights_recording_act"),
    path("rights/of/<str:uid>/", views.of_recording, name="rights_of_recording"),
    path("rights/conflicts/", conflict_views.conflict_list, name="rights_conflicts"),
    path("rights/conflicts/many/", conflict_views.conflict_many, name="rights_conflict_many"),
    path("rights/conflicts/<str:uid>/", conflict_views.conflict, name="rights_conflict"),
    path(
        "rights/conflicts/<str:uid>/settle/",
        conflict_views.conflict_settle,
        name="rights_conflict_settle",
    ),
]

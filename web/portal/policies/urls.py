"""URLs of policies."""

from __future__ import annotations

from django.urls import path

from web.portal.policies import views

urlpatterns = [
    path("policies/", views.policy_list, name="policy_list"),
    path("policies/new/", views.policy_create, name="policy_create"),
    path("policies/sentence/", views.policy_sentence, name="policy_sentence"),
    path("policies/<str:uid>/", views.policy_edit, name="policy_edit"),
    path("policies/<str:uid>/dry-run/", views.policy_dry_run, name="policy_dry_run"),
    path("policies/<str:uid>/switch/", views.policy_switch, name="policy_switch"),
    path("policies/<str:uid>/move/", views.policy_move, name="policy_move"),
    path("policies/<str:uid>/apply/", views.policy_apply, name="policy_apply"),
    path("policies/<str:uid>/undo/", views.policy_undo, name="policy_undo"),
]

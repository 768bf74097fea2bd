"""Addresses of the pages of rules: licences, policies, exclusions."""

from __future__ import annotations

from django.urls import path

from portal.views import exclusions, licences, parts, policies

urlpatterns = [
    path("licences/", licences.licence_list, name="licence_list"),
    path("licences/new/", licences.licence_create, name="licence_create"),
    path("licences/<str:uid>/", licences.licence_edit, name="licence_edit"),
    path(
        "licences/<str:uid>/preview/", licences.licence_preview, name="licence_preview"
    ),
    path(
        "licences/<str:uid>/withdraw/",
        licences.licence_withdraw,
        name="licence_withdraw",
    ),
    path(
        "licences/<str:uid>/evidence",
        licences.licence_evidence,
        name="licence_evidence",
    ),
    path("policies/", policies.policy_list, name="policy_list"),
    path("policies/new/", policies.policy_create, name="policy_create"),
    path("policies/<str:uid>/", policies.policy_edit, name="policy_edit"),
    path("policies/<str:uid>/dry-run/", policies.policy_dry_run, name="policy_dry_run"),
    path("policies/<str:uid>/switch/", policies.policy_switch, name="policy_switch"),
    path("policies/<str:uid>/move/", policies.policy_move, name="policy_move"),
    path("policies/<str:uid>/apply/", policies.policy_apply, name="policy_apply"),
    path("m/<str:uid>/exclude", parts.exclude, name="match_exclude"),
    path(
        "catalogue/recordings/<str:uid>/exclude/",
        exclusions.exclusion_add,
        name="exclusion_add",
    ),
    path(
        "exclusions/<str:uid>/approve/",
        exclusions.exclusion_approve,
        name="exclusion_approve",
    ),
    path(
        "exclusions/<str:uid>/remove/",
        exclusions.exclusion_remove,
        name="exclusion_remove",
    ),
]

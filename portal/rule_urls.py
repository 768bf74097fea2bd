"""Addresses of the pages of rules: licences."""

from __future__ import annotations

from django.urls import path

from portal.views import licences

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
]

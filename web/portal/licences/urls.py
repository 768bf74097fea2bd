"""URLs of licences."""

from __future__ import annotations

from django.urls import path

from web.portal.licences import views
from web.portal.licences.lists import LICENCES

urlpatterns = [
    path("licences/", LICENCES.view, name="licence_list"),
    path("licences/sheet.csv", views.licence_sheet, {"form": "csv"}, name="licence_sheet_csv"),
    path("licences/sheet.xlsx", views.licence_sheet, {"form": "xlsx"}, name="licence_sheet_xlsx"),
    path("licences/new/", views.licence_create, name="licence_create"),
    path("licences/<str:uid>/", views.licence_edit, name="licence_edit"),
    path("licences/<str:uid>/preview/", views.licence_preview, name="licence_preview"),
    path("licences/<str:uid>/undo/", views.licence_undo, name="licence_undo"),
    path("licences/<str:uid>/withdraw/", views.licence_withdraw, name="licence_withdraw"),
    path("licences/<str:uid>/evidence", views.licence_evidence, name="licence_evidence"),
]

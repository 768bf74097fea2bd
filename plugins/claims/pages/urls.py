"""URLs of platform claims."""

from __future__ import annotations

from django.urls import path

from plugins.claims.pages import views
from plugins.claims.pages.lists import ASSETS, FILES

urlpatterns = [
    path("claims/", views.claim_list, name="claims"),
    path("claims/many/", views.claims_many, name="claims_many"),
    path("claims/assets/", ASSETS.view, name="claim_assets"),
    path("claims/accounts/<str:uid>/assets/<str:asset_id>/", views.asset, name="claim_asset"),
    path("claims/accounts/<str:uid>/claims/<str:claim_id>/", views.claim, name="claim"),
    path("claims/files/", FILES.view, name="claim_files"),
    path("claims/files/<str:uid>/", views.file_download, name="claim_file"),
    path("claims/files/<str:uid>/rows/", views.file_rows, name="claim_file_rows"),
    path("claims/files/<str:uid>/act/", views.file_act, name="claim_file_act"),
    path("claims/values/", views.value_list, name="claim_values"),
]

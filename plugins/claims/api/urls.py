"""URLs of platform claims in the portal's own API."""

from __future__ import annotations

from django.urls import path

from plugins.claims.api import views

urlpatterns = [
    path("claims/", views.ChangedClaimsView.as_view(), name="changed_claims"),
    path("claims/accounts/", views.AccountsView.as_view(), name="claim_accounts"),
    path("claims/accounts/<str:uid>/claims/", views.ClaimsView.as_view(), name="platform_claims"),
    path(
        "claims/accounts/<str:uid>/claims/<str:claim_id>/",
        views.ClaimView.as_view(),
        name="platform_claim",
    ),
    path("claims/lists/", views.ListsView.as_view(), name="claim_lists"),
    path("claims/lists/<str:kind>/", views.ListView.as_view(), name="claim_list"),
    path("claims/files/", views.ClaimFilesView.as_view(), name="claim_files"),
    path("claims/files/<str:uid>/", views.ClaimFileView.as_view(), name="claim_file"),
    path(
        "claims/files/<str:uid>/content/",
        views.FileContentView.as_view(),
        name="claim_file_content",
    ),
    path("claims/files/<str:uid>/act/", views.FileStepView.as_view(), name="claim_file_act"),
]

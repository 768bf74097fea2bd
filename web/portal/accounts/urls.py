"""URLs of API tokens, project keys and a person's columns of lists."""

from __future__ import annotations

from django.urls import path

from web.portal.accounts import views

urlpatterns = [
    path("columns/<str:name>/", views.list_columns, name="list_columns"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/keys/new/", views.project_create, name="project_create"),
    path("tokens/keys/<str:uid>/end/", views.project_revoke, name="project_revoke"),
    path("tokens/<str:uid>/revoke/", views.token_revoke, name="token_revoke"),
]

"""Callback addresses for ACRCloud."""

from __future__ import annotations

from django.urls import path

from scanning.views.callback import account_callback, acrcloud_callback

app_name = "scanning"

urlpatterns = [
    path(
        "acrcloud/accounts/<int:account_id>/<str:secret>", account_callback, name="account_callback"
    ),
    path("acrcloud/<int:container_id>/<str:secret>", acrcloud_callback, name="acrcloud_callback"),
]

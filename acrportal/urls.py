"""Every address of the portal, one line per package."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path

from acrportal.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.urls")),
    path("callbacks/", include("scanning.urls")),
    path("api/portal/v1/", include("portal.api.urls")),
    path("accounts/login/", auth_views.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("healthz", login_not_required(healthz), name="healthz"),
    path("", include("acrapi.urls")),
]
handler400 = "acrapi.errors.bad_request"
handler403 = "acrapi.errors.permission_denied"
handler404 = "acrapi.errors.page_not_found"
handler500 = "acrapi.errors.server_error"

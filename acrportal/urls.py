"""All URLs of the portal, one line per package."""

from __future__ import annotations

from allauth.account import views as account
from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path

from acrportal.health import healthz, metrics, readyz
from acrportal.security_contact import security_txt

# The admin's own pages would bypass second factors and the limits of sign-in.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as its documentation says
admin.site.logout = account.logout  # type: ignore[method-assign]  # as above
admin.site.password_change = account.password_change  # type: ignore[method-assign]  # as above

urlpatterns: list[URLPattern | URLResolver] = [
    # First, because callbacks arrive in bursts and the pages have many patterns.
    path("callbacks/", include("scanning.urls")),
    path("", include("web.portal.urls")),
    path("api/portal/v1/", include("web.portal.api.urls")),
    path("accounts/", include("base.accounts.urls")),
    path("admin/", admin.site.urls),
    path("healthz", login_not_required(healthz), name="healthz"),
    path("readyz", login_not_required(readyz), name="readyz"),
    path("metrics", login_not_required(metrics), name="metrics"),
    path(".well-known/security.txt", login_not_required(security_txt)),
    path("", include("web.acrapi.urls")),
]
handler429 = "base.accounts.limits.too_many"
handler400 = "web.acrapi.errors.bad_request"
handler403 = "web.acrapi.errors.permission_denied"
handler404 = "web.acrapi.errors.page_not_found"
handler500 = "web.acrapi.errors.server_error"

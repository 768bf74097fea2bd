"""URLs of sign-in; registration and email pages of django-allauth are left out."""

from __future__ import annotations

from allauth.account import views
from allauth.socialaccount.providers.openid_connect import views as openid_views
from allauth.usersessions.views import ListUserSessionsView
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

from base.accounts.languages import choose_reading
from base.accounts.openid import PROVIDER, callback
from base.accounts.sessions import SessionsForm


@login_not_required
def to_login(request: HttpRequest) -> HttpResponse:
    """Redirect to sign-in, because nobody registers themselves."""
    return redirect("account_login")


urlpatterns = [
    path("login/", views.login, name="login"),
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="logout"),
    path("logout/", views.logout, name="account_logout"),
    path("signup/", to_login, name="account_signup"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/", views.password_change, name="account_change_password"),
    path("language/", choose_reading, name="account_language"),
    path("2fa/", include("allauth.mfa.urls")),
    path(
        "sessions/", ListUserSessionsView.as_view(form_class=SessionsForm), name="usersessions_list"
    ),
    path("openid/", include("allauth.socialaccount.urls")),
    path(
        f"oidc/{PROVIDER}/login/",
        openid_views.login,
        {"provider_id": PROVIDER},
        name="openid_connect_login",
    ),
    path(
        f"oidc/{PROVIDER}/login/callback/",
        callback,
        {"provider_id": PROVIDER},
        name="openid_connect_callback",
    ),
]

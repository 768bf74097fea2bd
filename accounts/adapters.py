"""What sign-in does our way: nobody signs up, secrets are sealed, OIDC brings people."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import User
from common.secret_text import seal, unseal


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the library is not typed
    """Accounts are made by admins."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # as above
    """Second factors whose secrets no copy of the database gives away."""

    def encrypt(self, text: str) -> str:
        """Return the secret as it is kept."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was kept."""
        return unseal(encrypted_text)


class OpenIdAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # as above
    """People whom the organisation's own server vouches for."""

    def is_open_for_signup(
        self, request: HttpRequest, sociallogin: SocialLogin
    ) -> bool:
        """Let in whom the server lets in."""
        return True

    def is_auto_signup_allowed(
        self, request: HttpRequest, sociallogin: SocialLogin
    ) -> bool:
        """Ask nothing more."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Tie the login to the account that an admin made for it.

        That is one with the same name and without a password. A name that belongs to
        an account with a password is not taken over.
        """
        if sociallogin.is_existing:
            return
        existing = User.objects.filter(username=sociallogin.user.username).first()
        if existing is None:
            return
        if existing.has_usable_password():
            messages.error(
                request,
                _(
                    "The name %(name)s belongs to an account with a password here. Ask "
                    "an admin to take its password away, then sign in again."
                )
                % {"name": existing.username},
            )
            raise ImmediateHttpResponse(redirect("account_login"))
        sociallogin.connect(request, existing)

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:  # Any: what the server says
        """Take the name that the server knows the person by."""
        user: User = super().populate_user(request, sociallogin, data)
        told = sociallogin.account.extra_data
        told = told.get("userinfo", told)
        name = told.get("preferred_username") or told.get("email") or told.get("sub")
        user.username = str(name)[:150]
        return user

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: object = None
    ) -> User:
        """Keep a new person, with the role that the settings give them."""
        sociallogin.user.is_staff = True
        user: User = super().save_user(request, sociallogin, form)
        user.groups.add(Group.objects.get(name=settings.ACRPORTAL_OIDC_ROLE))
        return user

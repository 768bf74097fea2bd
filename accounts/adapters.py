"""What sign-in does our way: nobody signs up, secrets are sealed, OIDC brings people."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.openid import refuse_wrong_nonce
from accounts.signals import account_changed
from common.secret_text import seal, unseal

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the library is not typed
    """Accounts are made by admins."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": gettext_lazy(
            "User name or password is wrong. Capital letters count."
        ),
        "too_many_login_attempts": gettext_lazy(
            "Too many failed attempts. Try again in five minutes."
        ),
        "enter_current_password": gettext_lazy("This is not your current password."),
    }

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

        That is one with the same name that nobody else signs in with: people can often
        choose the name that the server tells.
        """
        refuse_wrong_nonce(sociallogin)
        connects = sociallogin.state.get("process") == AuthProcess.CONNECT
        if sociallogin.is_existing or connects:
            return
        existing = User.objects.filter(username=sociallogin.user.username).first()
        if existing is None:
            return
        if refusal := _why_not_tied(existing):
            messages.error(request, refusal % {"name": existing.username})
            raise ImmediateHttpResponse(redirect("account_login"))
        sociallogin.connect(request, existing)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: object = None,
    ) -> None:
        """Keep that a sign-in failed, and tell operators why."""
        if error == AuthError.CANCELLED:
            return
        logger.warning("single sign-on failed: %s", exception or error)
        account_changed.send(
            sender=User,
            case="sign-in",
            action="sign_in_failed",
            actor="unknown",
            after={"through": "single sign-on"},
        )

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


def _why_not_tied(existing: User) -> str:
    """Return why single sign-on does not get an account; empty where it may."""
    if existing.has_usable_password():
        return _(
            "The name %(name)s belongs to an account with a password here. Ask an admin "
            "to take its password away, then sign in again."
        )
    if SocialAccount.objects.filter(user=existing).exists():
        return _(
            "The name %(name)s belongs to somebody else who signs in this way. Ask an "
            "admin which account is yours."
        )
    if existing.is_service and existing.tokens.exists():
        return _(
            "The name %(name)s belongs to a program with API tokens. Ask an admin for an "
            "account of another name."
        )
    return ""

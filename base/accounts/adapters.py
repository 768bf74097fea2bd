"""Sign-in rules: no self-registration, sealed second factors, accounts through OIDC."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, Group
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.accounts import attempts
from base.accounts.models import User
from base.accounts.openid import refuse_wrong_nonce
from base.accounts.services import account_changed
from base.accounts.sign_on_groups import follow_groups
from base.common.secret_text import seal, unseal

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the library is not typed
    """Closes self-registration: only admins create accounts."""

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
        """Refuse: nobody registers themselves."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: str) -> None:
        """Count the attempt; refuse it if there were too many."""
        usage = attempts.begin(request, credentials.get("username", ""))
        if usage is None:
            raise self.validation_error("too_many_login_attempts")
        # The library takes it back when the password was right.
        self._login_failed_rl_usage = usage

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, str]]:
        """Let who has a second factor confirm with it only, or a password could remove it.

        The first is asked for; without an app, codes are the recovery codes alone.
        """
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"] != "reauthenticate"]
        if not is_mfa_enabled(user, [Authenticator.Type.TOTP]):
            factors.reverse()
        return factors or methods


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # as above
    """Encrypts second factor secrets, so a copy of the database reveals none."""

    def encrypt(self, text: str) -> str:
        """Return the encrypted secret for the database."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)


class OpenIdAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # as above
    """Creates and connects accounts for people who sign in with OpenID Connect."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Let in everyone whom the organisation's server authenticates."""
        return True

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Create the account without a further form."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Connect the login to the account that was prepared for its address.

        Many servers let people choose their name, and some their address. Only one that
        the server has verified, in a domain for which the operator names the server as
        the authority, says whose account it is. A name that is taken is refused.
        """
        # First, also for known accounts: the nonce ties the token to this browser.
        refuse_wrong_nonce(sociallogin)
        connects = sociallogin.state.get("process") == AuthProcess.CONNECT
        if connects:
            return
        prepared = None
        if not sociallogin.is_existing:
            prepared = _prepared_for(_proven_address(sociallogin))
        if prepared is not None:
            sociallogin.connect(request, prepared)
        if sociallogin.is_existing:
            # Before the sign-in, which asks whether a role needs a second factor.
            if sociallogin.user.is_active:
                follow_groups(sociallogin, sociallogin.user)
            return
        existing = User.objects.filter(username=sociallogin.user.username).first()
        if existing is not None:
            refusal = _why_not_connected(existing) % {"name": existing.username}
            messages.error(request, refusal)
            raise ImmediateHttpResponse(redirect("account_login"))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: object = None,
    ) -> None:
        """Record the failed sign-in, and log the cause for operators."""
        if error == AuthError.CANCELLED:
            return
        logger.warning("single sign-on failed: %s", exception or error)
        account_changed.send(
            sender=User,
            case="sign-in",
            action="sign_in_failed",
            actor="unknown",
            after={"through": _("single sign-on")},
        )

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:  # Any: claims of the server
        """Name the user after the first claim sent: name, email or subject."""
        user: User = super().populate_user(request, sociallogin, data)
        claims = sociallogin.account.extra_data
        claims = claims.get("userinfo", claims)
        name = claims.get("preferred_username") or claims.get("email") or claims.get("sub")
        user.username = str(name)[:150]
        return user

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: object = None
    ) -> User:
        """Save a new person with the roles of their groups, or ``ACRPORTAL_OIDC_ROLE``."""
        # Everybody may enter the admin; roles decide what they see there.
        sociallogin.user.is_staff = True
        user: User = super().save_user(request, sociallogin, form)
        if settings.ACRPORTAL_OIDC_GROUPS:
            follow_groups(sociallogin, user)
        else:
            user.groups.add(Group.objects.get(name=settings.ACRPORTAL_OIDC_ROLE))
        return user


def _proven_address(sociallogin: SocialLogin) -> str:
    """Return an address that surely belongs to the person; empty if none does."""
    domains = {domain.lower() for domain in settings.ACRPORTAL_OIDC_MAIL_DOMAINS}
    claims = sociallogin.account.extra_data
    for source in (claims.get("userinfo", {}), claims.get("id_token", {})):
        address = str(source.get("email") or "")
        # Some servers send the word instead of the value.
        is_verified = source.get("email_verified") in (True, "true")
        if is_verified and address.rpartition("@")[2].lower() in domains:
            return address
    return ""


def _prepared_for(address: str) -> User | None:
    """Return the account that an admin made for an address and nobody uses yet."""
    if not address:
        return None
    people = User.objects.filter(email__iexact=address, socialaccount=None)
    unused = [
        person
        for person in people
        if not person.has_usable_password() and not (person.is_service and person.tokens.exists())
    ]
    # With two of them, the address does not say which.
    return unused[0] if len(unused) == 1 else None


def _why_not_connected(existing: User) -> str:
    """Return why single sign-on does not open the account of its name."""
    if existing.has_usable_password():
        return _(
            "The name %(name)s belongs to an account with a password here. If it is yours, "
            "sign in with that."
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
    return _(
        "The name %(name)s belongs to an account here, and this sign-in does not prove "
        "that it is yours. Ask an admin to enter your verified address in it."
    )

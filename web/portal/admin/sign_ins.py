"""How a person signs in, on the page of the user: second factors, sessions, sign-ons.

The screens that the libraries bring for these rows are removed. They show keys of sessions
and secrets of second factors, and change them without a rule and without an event.
"""

from __future__ import annotations

import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin
import allauth.usersessions.admin  # noqa: F401 - registers what is removed below
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from base.accounts.models import KnownPlace
from web.portal.admin.base import ReadOnlyInline, code
from web.portal.shared import formats
from web.portal.shared.times import when

admin.site.unregister(
    [EmailAddress, Authenticator, UserSession, SocialApp, SocialAccount, SocialToken]
)

_KINDS = {
    Authenticator.Type.TOTP: _("Authenticator app"),
    Authenticator.Type.WEBAUTHN: _("Security key or passkey"),
    Authenticator.Type.RECOVERY_CODES: _("Recovery codes"),
}


class SecondFactorInline(ReadOnlyInline):
    """The second factors of a user, without their secrets."""

    model = Authenticator
    readonly_fields = ("kind", "added", "used")
    verbose_name_plural = _("second factors")

    @admin.display(description=_("Kind"))
    def kind(self, factor: Authenticator) -> str:
        """Return the kind of factor."""
        return str(_KINDS[factor.type])

    @admin.display(description=_("Added"))
    def added(self, factor: Authenticator) -> SafeString:
        """Return when the person added it."""
        return when(factor.created_at)

    @admin.display(description=_("Last used"))
    def used(self, factor: Authenticator) -> SafeString:
        """Return when the person last signed in with it."""
        return when(factor.last_used_at)


class SessionInline(ReadOnlyInline):
    """The sessions of a user, without their keys."""

    model = UserSession
    readonly_fields = ("since", "ip", "browser")
    ordering = ["-created_at"]
    verbose_name_plural = _("sessions")

    @admin.display(description=_("Since"))
    def since(self, session: UserSession) -> SafeString:
        """Return when the person signed in."""
        return when(session.created_at)

    @admin.display(description=_("Browser"))
    def browser(self, session: UserSession) -> SafeString:
        """Return the browser and the system."""
        name = formats.browser(session.user_agent)
        return format_html('<span title="{}">{}</span>', session.user_agent, name)


class PlaceInline(ReadOnlyInline):
    """Where a user has signed in from: a network and a kind of browser."""

    model = KnownPlace
    readonly_fields = ("network", "browser", "first", "last")
    ordering = ["-last_at"]
    verbose_name_plural = _("known places")

    @admin.display(description=_("First sign-in"))
    def first(self, place: KnownPlace) -> SafeString:
        """Return when the person first signed in from there."""
        return when(place.first_at)

    @admin.display(description=_("Last sign-in"))
    def last(self, place: KnownPlace) -> SafeString:
        """Return when the person last signed in from there."""
        return when(place.last_at)


class SingleSignOnInline(ReadOnlyInline):
    """The identities with which a user signs in at the organisation's server."""

    model = SocialAccount
    readonly_fields = ("subject", "added", "used")
    verbose_name_plural = _("single sign-on")

    @admin.display(description=_("Subject"))
    def subject(self, identity: SocialAccount) -> SafeString:
        """Return the person's id at the server."""
        return code(identity.uid)

    @admin.display(description=_("Added"))
    def added(self, identity: SocialAccount) -> SafeString:
        """Return when the person first signed in with it."""
        return when(identity.date_joined)

    @admin.display(description=_("Last used"))
    def used(self, identity: SocialAccount) -> SafeString:
        """Return when the person last signed in with it."""
        return when(identity.last_login)

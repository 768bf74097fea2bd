"""Users, the access limits of their groups, and API tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action, scopes_allow
from base.common.uid import uid_field

_ACTION_NAMES = {
    Action.VIEW: "Can see files, matches and reports",
    Action.UPLOAD: "Can upload audio, submit links and rescan",
    Action.DECIDE: "Can decide matches",
    Action.APPROVE: "Can decide escalated matches and reopen decisions",
    Action.REPORT: "Can run reports",
    Action.EDIT_CATALOGUE: "Can add and edit recordings and buckets",
    Action.EDIT_DUPLICATES: "Can decide on duplicates",
    Action.DELETE: "Can delete scanned files",
    Action.CONFIGURE: "Can edit containers, users and settings",
}


class User(AbstractUser):
    """A person with a login, or a program; groups decide what they may do.

    A user without a password who never signed in is a service account: a program that
    calls with tokens. Single sign-on also leaves no password, but it sets
    ``last_login``.
    """

    language = models.CharField(
        max_length=10,
        blank=True,
        verbose_name=_("language"),
        help_text=_("Empty for the language of the browser."),
    )
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        verbose_name=_("time zone"),
        help_text=_("Empty for that of the browser."),
    )
    list_columns = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Names of the columns shown, by list; the usual ones if it is missing.",
    )

    follows_sign_on = models.BooleanField(
        default=False,
        editable=False,
        verbose_name=_("roles follow the single sign-on"),
        help_text="The roles came with a single sign-on, and follow its groups.",
    )

    class Meta(AbstractUser.Meta):
        permissions = [(action.split(".")[1], name) for action, name in _ACTION_NAMES.items()]

    @property
    def is_service(self) -> bool:
        """Tell whether this is a service account, which nobody signs in with."""
        return self.last_login is None and not self.has_usable_password()

    def has_perm(self, perm: str, obj: Any = None) -> bool:  # Any: Django's signature
        """Ask the roles, but never let a program approve: approvals need a person."""
        # Second approvals exist so that two people look at a decision.
        if perm == Action.APPROVE and self.is_service:
            return False
        return super().has_perm(perm, obj)


class AccessLimit(models.Model):
    """The containers and buckets a group may see, and whether it needs a second factor.

    ``containers`` and ``buckets`` hold primary keys; None means no limit. They are
    plain numbers because those models live in packages above this one, and keys are
    never reused. See ``base.accounts.reach``.
    """

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="limit")
    containers = models.JSONField(null=True, blank=True)
    buckets = models.JSONField(null=True, blank=True)
    second_factor = models.BooleanField(
        default=False,
        verbose_name=_("second factor required"),
        help_text=_("Members without one are led to set it up with their next page."),
    )

    def __str__(self) -> str:
        return f"Limit of {self.group}"


class KnownPlace(models.Model):
    """A network and a kind of browser from which a person has signed in."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_places")
    network = models.CharField(_("network"), max_length=64)
    browser = models.CharField(_("browser"), max_length=64, blank=True)
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "network", "browser"], name="known_place_once")
        ]

    def __str__(self) -> str:
        return f"{self.browser or 'unknown browser'} in {self.network}"


class ApiToken(models.Model):
    """An API token, stored as a hash and shown only once.

    ``hint`` is the start of the token, so people can tell their tokens apart.
    """

    uid = uid_field("t")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=16, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def is_usable(self) -> bool:
        """Tell whether the token is neither revoked nor expired."""
        return self.revoked_at is None and not self.is_expired

    @property
    def is_expired(self) -> bool:
        """Tell whether the expiry date has passed."""
        return self.expires_at is not None and self.expires_at <= datetime.now(tz=UTC)

    def allows(self, action: Action) -> bool:
        """Tell whether the token's scopes and its owner's role allow the action."""
        return scopes_allow(self.scopes, action) and self.owner.has_perm(action)

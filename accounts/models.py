"""The people who use the portal, and the tokens of their programs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractUser, Group
from django.db import models

from accounts import scopes
from accounts.roles import Action
from common.uid import new_uid

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
    """A person with a login; what they may do follows from their groups.

    One without a password that nobody ever signed in with (a single sign-on does so
    without one) is a service account: a program that calls with tokens.
    """

    class Meta(AbstractUser.Meta):
        permissions = [
            (action.split(".")[1], name) for action, name in _ACTION_NAMES.items()
        ]

    @property
    def is_service(self) -> bool:
        """Tell whether nobody signs in with this account."""
        return self.last_login is None and not self.has_usable_password()

    def has_perm(self, perm: str, obj: Any = None) -> bool:  # Any: Django's signature
        """Ask the roles; what a person must approve no program approves."""
        if perm == Action.APPROVE and self.is_service:
            return False
        return super().has_perm(perm, obj)


class AccessLimit(models.Model):
    """What the people of a group see of containers and buckets, by id; None: all.

    And whether they must sign in with a second factor.

    Plain ids, since containers and buckets are of packages above this one; theirs are
    never used again. See ``accounts.reach``.
    """

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="limit")
    containers = models.JSONField(null=True, blank=True)
    buckets = models.JSONField(null=True, blank=True)
    second_factor = models.BooleanField(
        default=False,
        verbose_name="Must have a second factor",
        help_text="Asked for when they next sign in.",
    )

    def __str__(self) -> str:
        return f"Limit of {self.group}"


class ApiToken(models.Model):
    """A key to the API: kept as a hash, shown once when it was made.

    ``hint`` is its beginning, by which people tell their tokens apart.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "t"), editable=False
    )
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
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def is_usable(self) -> bool:
        """Tell whether it opens anything now."""
        return self.revoked_at is None and not self.is_expired

    @property
    def is_expired(self) -> bool:
        """Tell whether its last day is over."""
        return self.expires_at is not None and self.expires_at <= datetime.now(tz=UTC)

    def allows(self, action: Action) -> bool:
        """Tell whether both the token's scopes and its owner's role allow it."""
        return scopes.allows(self.scopes, action) and self.owner.has_perm(action)

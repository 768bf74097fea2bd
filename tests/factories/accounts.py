"""Users, one per role."""

from __future__ import annotations

import itertools
from collections.abc import Collection

from django.contrib.auth.models import Group
from django.test import Client, override_settings

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.accounts.services import create_user

_FAST_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
_numbers = itertools.count(1)


def make_user(role: Role, *, username: str = "") -> User:
    """Return a new user with the role; the password is "secret", with a fast hash."""
    with override_settings(PASSWORD_HASHERS=_FAST_HASHERS):
        return create_user(
            username=username or f"{role}-{next(_numbers)}", password="secret", role=role
        )


def make_limited(
    role: Role, *, containers: Collection[int] | None = None, buckets: Collection[int] | None = None
) -> User:
    """Return a new user who sees these containers and buckets alone; None sets no limit."""
    group = Group.objects.create(name=f"Desk {next(_numbers)}")
    AccessLimit.objects.create(
        group=group,
        containers=None if containers is None else list(containers),
        buckets=None if buckets is None else list(buckets),
    )
    user = make_user(role)
    user.groups.add(group)
    return user


def confirm(client: Client) -> None:
    """Confirm the password, which changing keys and tokens requires."""
    client.post("/accounts/reauthenticate/", {"password": "secret"})

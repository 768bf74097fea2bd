"""Users, one per role."""

from __future__ import annotations

import itertools

from django.test import Client, override_settings

from accounts.models import User
from accounts.roles import Role
from accounts.services import create_user

_FAST_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
_numbers = itertools.count(1)


def make_user(role: Role, *, username: str = "") -> User:
    """Return a new user with the role; the password is "secret", with a fast hash."""
    with override_settings(PASSWORD_HASHERS=_FAST_HASHERS):
        return create_user(
            username=username or f"{role}-{next(_numbers)}",
            password="secret",
            role=role,
        )


def confirm(client: Client) -> None:
    """Confirm the password, which changing keys and tokens requires."""
    client.post("/accounts/reauthenticate/", {"password": "secret"})

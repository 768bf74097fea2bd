"""Finds the user whom a command names."""

from __future__ import annotations

from django.core.management.base import CommandError

from base.accounts.models import User


def find_user(name: str) -> User:
    """Return the user of that name; raise ``CommandError`` if there is none."""
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name}.")
    return user

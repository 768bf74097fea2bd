"""``manage.py create_api_token``: create an API token on the command line."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError

from base.accounts.models import User
from base.accounts.roles import Role, Scope
from base.accounts.services import create_user
from base.accounts.tokens import create_token


class Command(BaseCommand):
    """Creates a token and prints it alone on the last line, for scripts."""

    help = "Create an API token, and its user if absent; prints the token."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--username", required=True)
        parser.add_argument(
            "--role",
            choices=[role.value for role in Role],
            help="Role of the user, also of one who exists; default for a new user: admin.",
        )
        parser.add_argument(
            "--scope",
            action="append",
            choices=[scope.value for scope in Scope],
            help="Area of the API that the token may use; repeatable (default: read).",
        )
        parser.add_argument("--name", default="", help="Name of the token.")
        parser.add_argument(
            "--days", type=int, help="Days until the token expires (default: never)."
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Find or create the user, create the token, print it."""
        role, days = options["role"], options["days"]
        if days is not None and days < 1:
            raise CommandError("--days needs at least 1; leave it out for a token that stays.")
        owner = User.objects.filter(username=options["username"]).first()
        if owner is None:
            # Without a password, a new user cannot sign in.
            owner = create_user(
                username=options["username"], password=None, role=Role(role or Role.ADMIN)
            )
        elif role is not None:
            # Other groups stay: they may limit what the owner sees.
            others = [name for name in Role if name != role]
            owner.groups.remove(*Group.objects.filter(name__in=others))
            owner.groups.add(Group.objects.get(name=role))
            # Permissions of the old role may be cached on the object.
            owner = User.objects.get(pk=owner.pk)
        made = create_token(
            owner=owner,
            name=options["name"] or "created on the command line",
            scopes=options["scope"] or [Scope.READ],
            expires_at=datetime.now(tz=UTC) + timedelta(days=days) if days else None,
            actor="command:create_api_token",
        )
        self.stdout.write(f"Token {made.token.uid} of {owner}; it is shown only once:")
        self.stdout.write(made.secret)

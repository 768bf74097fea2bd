"""Creates users, finds people who may decide, and keeps groups equal to roles."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.dispatch import Signal

from base.accounts.models import User
from base.accounts.roles import ROLE_ACTIONS, Action, Role

# Sent with ``case``, ``action``, ``actor`` and ``after`` in the transaction that
# changes an account or a token. The audit trail listens.
account_changed = Signal()


def sync_roles(**_signal: object) -> None:
    """Give each role's group exactly the permissions of ``ROLE_ACTIONS``.

    Django creates its permissions on the same signal, possibly later, so this creates
    them first.
    """
    # Otherwise the first migrate would find no permissions to give.
    create_permissions(apps.get_app_config("accounts"), verbosity=0)
    for role, actions in ROLE_ACTIONS.items():
        group, _ = Group.objects.get_or_create(name=role)
        codenames = [action.split(".")[1] for action in actions]
        group.permissions.set(
            Permission.objects.filter(content_type__app_label="accounts", codename__in=codenames)
        )


def may_change_made(
    maker_id: int | None, user: User, *, own: Action = Action.UPLOAD, others: Action = Action.DELETE
) -> bool:
    """Tell whether a user may change what somebody made: its maker, or a manager.

    ``own`` is the permission that the maker needs, ``others`` that of anybody else.
    """
    return (maker_id == user.pk and user.has_perm(own)) or user.has_perm(others)


def create_user(
    *, username: str, password: str | None, role: Role, first_name: str = "", last_name: str = ""
) -> User:
    """Create a user with one role.

    Everyone may enter the admin, where roles decide. A user without a password cannot
    sign in, which is what programs with API tokens need.
    """
    user = User.objects.create_user(
        username=username,
        password=password,
        first_name=first_name,
        last_name=last_name,
        is_staff=True,
    )
    user.groups.add(Group.objects.get(name=role))
    return user


def may_administer(*, user: User, groups: Iterable[Group], is_active: bool, is_staff: bool) -> bool:
    """Tell whether a user with these groups and flags can change accounts in the admin."""
    codename = Action.CONFIGURE.split(".")[1]
    ids = [group.pk for group in groups]
    allowed = Permission.objects.filter(group__in=ids, codename=codename).exists()
    return is_active and is_staff and (user.is_superuser or allowed)


def deciders() -> QuerySet[User]:
    """Return active users whose role lets them decide matches, by username."""
    roles = [role for role in Role if Action.DECIDE in ROLE_ACTIONS[role]]
    people = User.objects.filter(is_active=True, groups__name__in=roles)
    return people.distinct().order_by("username")

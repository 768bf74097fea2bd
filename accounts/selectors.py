"""Queries on users for pages and filters."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import User
from accounts.roles import ROLE_ACTIONS, Action, Role


def deciders() -> QuerySet[User]:
    """Return active users whose role lets them decide matches, by username."""
    roles = [role for role in Role if Action.DECIDE in ROLE_ACTIONS[role]]
    people = User.objects.filter(is_active=True, groups__name__in=roles)
    return people.distinct().order_by("username")

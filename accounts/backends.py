"""How sign-in finds people and their permissions."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import QuerySet

from accounts.models import User


class RoleBackend(ModelBackend):
    """Names and passwords as Django keeps them; permissions from groups alone.

    Nobody is given a permission of their own, so nobody is asked for one.
    """

    def _get_user_permissions(self, user_obj: User) -> QuerySet[Permission]:
        return Permission.objects.none()

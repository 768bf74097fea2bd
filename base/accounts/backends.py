"""The authentication backend: passwords as in Django, permissions from roles."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import QuerySet

from base.accounts.models import User


class RoleBackend(ModelBackend):
    """Checks passwords as Django does, and takes permissions from groups alone.

    Users get no permissions of their own here, so this saves a query per request.
    """

    def _get_user_permissions(self, user_obj: User) -> QuerySet[Permission]:
        return Permission.objects.none()

"""Decides whether a manager may approve their own proposals."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts.models import User
from accounts.roles import ROLE_ACTIONS, Action

APPROVERS = [role.value for role, may in ROLE_ACTIONS.items() if Action.APPROVE in may]
"""The groups whose members answer proposals and disputes."""


def may_approve_own(user: User) -> bool:
    """Return whether the only active manager may approve their own proposals.

    A second active manager rules this out, whatever the setting says.
    """
    if not settings.ACRPORTAL_APPROVE_OWN or not user.has_perm(Action.APPROVE):
        return False
    managers = User.objects.filter(is_active=True, groups__name__in=APPROVERS).exclude(
        password__startswith=UNUSABLE_PASSWORD_PREFIX, last_login__isnull=True
    )
    return not managers.exclude(pk=user.pk).exists()

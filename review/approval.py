"""Decides who may be the second of two people who must agree."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.utils.translation import gettext as _

from base.accounts.deciders import acts_as_program
from base.accounts.models import User
from base.accounts.roles import ROLE_ACTIONS, Action

APPROVERS = [role.value for role, may in ROLE_ACTIONS.items() if Action.APPROVE in may]
"""The groups whose members answer proposals and disputes."""


def why_no_second_person(user: User) -> str:
    """Return why the user may not answer what somebody proposed; empty if they may."""
    if acts_as_program(user):
        return _(
            "This waits for a second person, which a program cannot be. Answer it on the "
            "pages of the portal."
        )
    return ""


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

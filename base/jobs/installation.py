"""Which of the installations that one backup made is the real one.

A restored installation does not know whether the one that was backed up still runs. Until
an operator decides, and for as long as it is a copy, none of its jobs reaches out: kinds
that need ``resources.OUTSIDE`` begin no job, and running ones are handed back.
"""

from __future__ import annotations

from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Action
from base.jobs import clock
from base.jobs.choices import InstallationRole
from base.jobs.models import Installation

CASE: Final = "installation:this"


def current() -> Installation | None:
    """Return what is known of this installation; None if it was never restored."""
    return Installation.objects.select_related("decided_by").first()


def is_paused() -> bool:
    """Return whether this installation must not reach out."""
    return Installation.objects.exclude(role=InstallationRole.REAL).exists()


def wait_for_decision(*, backup: str) -> None:
    """Let a restored installation wait until an operator says whether it is the real one.

    There is no event: until then, rows are those of the backup.
    """
    _store(InstallationRole.UNDECIDED, backup=backup)


@transaction.atomic
def declare(role: InstallationRole, *, user: User | None) -> bool:
    """Say that this installation is the real one, or a copy; return whether that is new.

    The real one goes on where the backup stopped. ``user`` is None for a command.
    """
    if user is not None and not user.has_perm(Action.CONFIGURE):
        raise PermissionDenied(_("Only an admin may decide this."))
    before = Installation.objects.select_for_update().first()
    role_before = before.role if before else InstallationRole.REAL
    if role == InstallationRole.UNDECIDED or role == role_before:
        return False
    _store(role, decided_by=user)
    base.audit.services.record(
        case=CASE,
        action="installation.declared",
        actor=user or base.audit.services.SYSTEM,
        before={"role": role_before},
        after={"role": role.value},
    )
    return True


def _store(role: InstallationRole, **columns: object) -> None:
    values = {"role": role, "since": clock.now(), **columns}
    Installation.objects.update_or_create(pk=Installation.ONLY, defaults=values)

"""Records sign-ins, sign-outs and changes of groups.

A typed name that no account has is not recorded: people type passwords there by
mistake.
"""

from __future__ import annotations

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.db.models.signals import m2m_changed

from base.accounts.models import User
from base.accounts.reach import person_at_work
from base.audit.services import SYSTEM, record

_UNKNOWN = "unknown"
_CHANGES = {"post_add": "group_added", "post_remove": "group_removed"}


def listen() -> None:
    """Connect to the signals."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    m2m_changed.connect(_groups_changed, sender=User.groups.through, dispatch_uid="audit")


def _signed_in(user: User, **_signal: object) -> None:
    record(case=f"user:{user.pk}", action="signed_in", actor=user)


def _signed_out(user: User | None, **_signal: object) -> None:
    if user is not None:
        record(case=f"user:{user.pk}", action="signed_out", actor=user)


def _failed(credentials: dict[str, str], **_signal: object) -> None:
    # Only the id of a real account is recorded, never the typed name.
    user = User.objects.filter(username=credentials.get("username", "")).first()
    case = f"user:{user.pk}" if user else "sign-in"
    record(case=case, action="sign_in_failed", actor=_UNKNOWN)


def _groups_changed(
    instance: Model, action: str, pk_set: set[int] | None, reverse: bool, **_signal: object
) -> None:
    """Record who gave or took which role."""
    change = _CHANGES.get(action)
    if change is None or reverse or not pk_set or not isinstance(instance, User):
        return
    names = instance.groups.model.objects.filter(pk__in=pk_set)
    record(
        case=f"user:{instance.pk}",
        action=f"user.{change}",
        actor=person_at_work() or SYSTEM,
        after={"groups": sorted(names.values_list("name", flat=True))},
    )

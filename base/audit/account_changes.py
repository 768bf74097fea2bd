"""Records changes to accounts: passwords, rights, second factors.

It listens to model signals, so pages, the admin and commands are covered alike.
Personal values (names, addresses, keys) stay out of events, because events cannot be
erased: an event only names the fields that changed.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_used
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import is_password_usable
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import Signal

from base.accounts.models import User
from base.accounts.reach import person_at_work
from base.audit.services import SYSTEM, record

_FLAGS = ("is_active", "is_staff", "is_superuser")
_PERSONAL = ("username", "first_name", "last_name", "email")
_WATCHED = {*_FLAGS, *_PERSONAL, "password"}

# Sent with ``user`` and the ``address`` that an account had until now.
address_left = Signal()

Values = dict[str, Any]  # Any: columns of a user


def listen() -> None:
    """Connect to the signals."""
    pre_save.connect(_remember, sender=User, dispatch_uid="audit")
    post_save.connect(_user_saved, sender=User, dispatch_uid="audit")
    post_save.connect(_factor_saved, sender=Authenticator, dispatch_uid="audit")
    post_delete.connect(_factor_deleted, sender=Authenticator, dispatch_uid="audit")
    post_save.connect(_sign_on_saved, sender=SocialAccount, dispatch_uid="audit")
    post_delete.connect(_sign_on_deleted, sender=SocialAccount, dispatch_uid="audit")
    authenticator_used.connect(_factor_used, dispatch_uid="audit")
    authentication_failed.connect(_factor_failed, dispatch_uid="audit")


def _remember(
    instance: User, raw: bool, update_fields: frozenset[str] | None, **_signal: object
) -> None:
    """Read the stored row before it is overwritten, to compare it afterwards."""
    watched = _WATCHED if update_fields is None else _WATCHED & update_fields
    before: Values | None = None
    # ``raw`` saves come from fixtures, not from people.
    if watched and instance.pk is not None and not raw:
        before = User.objects.filter(pk=instance.pk).values(*watched).first()
    vars(instance)["_as_it_was"] = before


def _user_saved(instance: User, created: bool, raw: bool, **_signal: object) -> None:
    before: Values | None = vars(instance).pop("_as_it_was", None)
    if raw:
        return
    if created:
        flags = {name: getattr(instance, name) for name in _FLAGS}
        _record_for(instance, "user.created", after=flags)
        return
    before = before or {}
    changed = [name for name in before if getattr(instance, name) != before[name]]
    flags_changed = [name for name in _FLAGS if name in changed]
    personal = [name for name in _PERSONAL if name in changed]
    if flags_changed or personal:
        after = {name: getattr(instance, name) for name in flags_changed}
        _record_for(
            instance,
            "user.changed",
            before={name: before[name] for name in flags_changed},
            after=after | {"fields": personal},
        )
    if "email" in personal and before["email"]:
        address_left.send(sender=User, user=instance, address=before["email"])
    if "password" in changed and not is_password_usable(instance.password):
        _record_for(instance, "user.password_removed")
    # Without a raw password, Django only stored a newer hash, as it does at sign-in.
    elif "password" in changed and instance._password is not None:  # type: ignore[attr-defined]  # Django's own check
        _record_for(instance, "user.password_changed")


def _factor_saved(instance: Authenticator, created: bool, raw: bool, **_signal: object) -> None:
    if created and not raw:
        _record_for(instance.user, "second_factor.added", after={"kind": instance.type})


def _factor_deleted(instance: Authenticator, **_signal: object) -> None:
    _record_for(instance.user, "second_factor.removed", before={"kind": instance.type})


def _factor_used(user: User, authenticator: Authenticator, **_signal: object) -> None:
    """Record the use of recovery codes only: they are few, and each works once."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record(case=f"user:{user.pk}", action="recovery_code.used", actor=user)


def _factor_failed(user: User, **_signal: object) -> None:
    record(
        case=f"user:{user.pk}",
        action="sign_in_failed",
        actor="unknown",
        after={"through": "second factor"},
    )


def _sign_on_saved(instance: SocialAccount, created: bool, raw: bool, **_signal: object) -> None:
    if created and not raw:
        _record_for(instance.user, "single_sign_on.added")


def _sign_on_deleted(instance: SocialAccount, **_signal: object) -> None:
    _record_for(instance.user, "single_sign_on.removed")


def _record_for(
    user: User, action: str, before: Values | None = None, after: Values | None = None
) -> None:
    record(
        case=f"user:{user.pk}",
        action=action,
        actor=person_at_work() or SYSTEM,
        before=before,
        after=after,
    )

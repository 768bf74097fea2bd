"""Who decided: a person, a program, a policy, a licence or the portal itself."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.attribution import acting_through


class Decider(TextChoices):
    """The kinds of those who decide; texts that say "person" ask for ``PERSON``."""

    PERSON = "person", _("a person")
    PROGRAM = "program", _("a program")
    POLICY = "policy", _("a policy")
    LICENCE = "licence", _("a licence")
    SYSTEM = "system", _("the portal")


def acts_as_program(user: User) -> bool:
    """Return whether a program acts with the account: a service account, or any token.

    Nobody can tell whether somebody looked at what a token sends.
    """
    return user.is_service or bool(acting_through())


def decider_named(name: str) -> Decider | None:
    """Return what the name of an actor without an account stands for; None for "".

    Names of accounts contain no colon; the account of such a name was deleted.
    """
    kind, colon, _own = name.partition(":")
    if not name:
        return None
    if not colon:
        return Decider.PERSON
    return Decider(kind) if kind in Decider.values else Decider.SYSTEM

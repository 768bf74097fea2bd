"""Who decided: a person, a program, a policy, a licence or the portal itself."""

from __future__ import annotations

from enum import StrEnum

from base.accounts.models import User
from base.common.attribution import acting_through


class Decider(StrEnum):
    """The kinds of those who decide; texts that say "person" ask for ``PERSON``."""

    PERSON = "person"
    PROGRAM = "program"
    POLICY = "policy"
    LICENCE = "licence"
    SYSTEM = "system"


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
    return Decider(kind) if kind in set(Decider) else Decider.SYSTEM

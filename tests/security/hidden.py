"""A world of two desks, where all names of the other desk can be found in an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Model

from base.accounts.roles import Role
from review.models import Licence
from review.services import licences, policies
from tests.factories.accounts import make_user
from tests.factories.rules import make_licence, make_policy
from tests.registered import Table
from tests.security.world import Desk, World

HIDDEN = "Zyxwhidden"
# Rows of plug-ins whose name readers of the own desk must not see.
NAMED: Table[str, Callable[[Desk], Model]] = Table({})


@dataclass
class HiddenWorld(World):
    """Two desks; all names of the other one begin with ``HIDDEN``.

    A licence and a policy that name both desks treated a match of the own desk.
    """

    licence: Licence

    def names_in(self, sent: bytes) -> list[bytes]:
        """Return what an answer names of the other desk and of the rules for both."""
        return re.findall(rf"{HIDDEN}|{self.licence.number}\b".encode(), sent)


def make_world() -> HiddenWorld:
    """Return the two desks with the licence and the policy for both."""
    world = World(Desk(1), Desk(2), make_user(Role.ADMIN))
    own, other_desk = world.own, world.other
    for row, column in (
        *((other_desk.recording, name) for name in ("title", "label", "custom_id")),
        *((other_desk.bucket, "name"), (other_desk.container, "name"), (other_desk.file, "name")),
        *(
            (other_desk.party(), "name"),
            (other_desk.work(), "title"),
            (other_desk.release(), "title"),
        ),
        (other_desk.sound(), "title"),
        *((name(other_desk), "name") for name in NAMED.values()),
    ):
        setattr(row, column, f"{HIDDEN} {column}")
        row.save()
    policy = make_policy(
        name=f"{HIDDEN} rule",
        sets={"buckets": [str(own.bucket.pk), str(other_desk.bucket.pk)]},
        user=world.admin,
    )
    make_policy(name=f"{HIDDEN} label", sets={"labels": [f"{HIDDEN} label"]}, enabled=False)
    policies.apply(policy=policy, user=world.admin)
    licence = make_licence(
        holder=f"{HIDDEN} holder",
        recordings=[own.recording, other_desk.recording],
        user=world.admin,
        in_force=False,
    )
    licences.apply(licence=licence, user=world.admin, reach=licences.Reach.ALL)
    make_licence(holder=f"{HIDDEN} by label", scope="label", labels=[f"{HIDDEN} label"])
    own.match.refresh_from_db()
    assert (own.match.licence, own.match.policy) == (licence, policy)
    return HiddenWorld(own, other_desk, world.admin, licence)

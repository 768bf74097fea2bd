"""Licences and policies in force."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any, cast

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Bucket, Recording
from review import conditions
from review.choices import LicenceScope, PolicyAction
from review.models import Licence, Policy
from review.services import licences, policies
from tests.factories.accounts import make_user

_numbers = itertools.count(1)


def make_licence(
    *,
    user: User | None = None,
    buckets: list[Bucket] | None = None,
    recordings: list[Recording] | None = None,
    in_force: bool = True,
    **terms: object,
) -> Licence:
    """Return a licence for the recordings or buckets; making it clears nothing."""
    manager = user or make_user(Role.MANAGER)
    scope = LicenceScope.RECORDINGS if recordings else LicenceScope.BUCKET
    licence = Licence(**{"holder": "Broadcaster", "scope": scope, **terms})
    licences.save(licence=licence, user=manager, buckets=buckets or [], recordings=recordings or [])
    if in_force:
        licences.apply(licence=licence, user=manager, reach=licences.Reach.FUTURE)
        licence.refresh_from_db()
    return licence


def make_policy(
    *,
    sets: dict[str, list[str]] | None = None,
    ranges: dict[str, tuple[str | None, str | None]] | None = None,
    flags: dict[str, bool | None] | None = None,
    score_scale: str = "0-100:embedded/1",
    user: User | None = None,
    **columns: Any,  # Any: the columns of a policy have different types
) -> Policy:
    """Return an enabled policy, last in order; making it does not apply it."""
    edges = {
        name: (low and Decimal(low), high and Decimal(high))
        for name, (low, high) in (ranges or {}).items()
    }
    as_json = conditions.as_json(
        sets=sets or {},
        ranges=cast("dict[str, tuple[Decimal | None, Decimal | None]]", edges),
        flags=flags or {},
        score_scale=score_scale,
    )
    policy = Policy(
        **{
            "name": f"Rule {next(_numbers)}",
            "action": PolicyAction.REVIEW,
            "enabled": True,
            "conditions": as_json,
            **columns,
        }
    )
    policies.save(policy=policy, user=user or make_user(Role.MANAGER))
    return policy

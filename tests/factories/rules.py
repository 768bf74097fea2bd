"""Licences and other rules, in force."""

from __future__ import annotations

from accounts.models import User
from accounts.roles import Role
from catalogue.models import Bucket, Recording
from review.choices import LicenceScope
from review.models import Licence
from review.services import licences
from tests.factories.accounts import make_user


def make_licence(
    *,
    user: User | None = None,
    buckets: list[Bucket] | None = None,
    recordings: list[Recording] | None = None,
    in_force: bool = True,
    **terms: object,
) -> Licence:
    """Return a licence for the recordings or buckets; nothing is cleared by making it."""
    manager = user or make_user(Role.MANAGER)
    scope = LicenceScope.RECORDINGS if recordings else LicenceScope.BUCKET
    licence = Licence(**{"holder": "Broadcaster", "scope": scope, **terms})
    licences.save(
        licence=licence,
        user=manager,
        buckets=buckets or [],
        recordings=recordings or [],
    )
    if in_force:
        licences.apply(licence=licence, user=manager, reach=licences.Reach.FUTURE)
        licence.refresh_from_db()
    return licence

"""Whether and how a container's unmatched sound is compared."""

from __future__ import annotations

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from plugins.monitoring.unknown.models import UnknownPolicy
from scanning.models import Container

_COLUMNS = ("is_on", "least_seconds", "least_count", "days_kept")


def policy_of(container: Container) -> UnknownPolicy:
    """Return a container's policy; the defaults, unsaved, if it has none."""
    policy = UnknownPolicy.objects.filter(container=container).first()
    return policy or UnknownPolicy(container=container)


@transaction.atomic
def save_policy(*, policy: UnknownPolicy, user: User) -> None:
    """Store a changed policy and record it in the history of its container."""
    before = policy_of(policy.container)
    policy.save()
    base.audit.services.record(
        case=f"container:{policy.container_id}",
        action="container.unknown_policy_changed",
        actor=user,
        before={name: getattr(before, name) for name in _COLUMNS},
        after={name: getattr(policy, name) for name in _COLUMNS},
    )

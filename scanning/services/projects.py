"""Creates and revokes key pairs for identifying clips."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.models import Bucket
from scanning.models import Project


def create_project(
    *, name: str, buckets: Iterable[Bucket], user: User | None
) -> Project:
    """Create a project with a new key pair."""
    with transaction.atomic():
        project = Project.objects.create(name=name, created_by=user)
        project.buckets.set(buckets)
        audit.services.record(
            case=f"project:{project.uid}",
            action="project.created",
            actor=user or audit.services.SYSTEM,
            after={
                "name": name,
                "access_key": project.access_key,
                "buckets": sorted(project.buckets.values_list("pk", flat=True)),
            },
        )
    return project


def revoke_project(*, project: Project, user: User | None) -> None:
    """Revoke a key pair at once; revoking it again changes nothing."""
    with transaction.atomic():
        ended = Project.objects.filter(pk=project.pk, revoked_at__isnull=True).update(
            revoked_at=datetime.now(tz=UTC)
        )
        if ended:
            audit.services.record(
                case=f"project:{project.uid}",
                action="project.revoked",
                actor=user or audit.services.SYSTEM,
            )

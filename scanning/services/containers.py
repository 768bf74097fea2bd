"""Making and changing containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.models import Bucket
from scanning.models import Container


def create_container(
    *, columns: Mapping[str, object], buckets: Iterable[Bucket], user: User | None
) -> Container:
    """Make a container that searches ``buckets``."""
    with transaction.atomic():
        container = Container.objects.create(created_by=user, **columns)
        container.buckets.set(buckets)
        _record(container, "container.created", user)
    return container


def update_container(
    *,
    container: Container,
    columns: Mapping[str, object],
    buckets: Iterable[Bucket] | None = None,
    user: User | None,
) -> None:
    """Change a container; scans that ran keep what they searched."""
    for name, value in columns.items():
        setattr(container, name, value)
    with transaction.atomic():
        container.save()
        if buckets is not None:
            container.buckets.set(buckets)
        _record(container, "container.changed", user)


def _record(container: Container, action: str, user: User | None) -> None:
    audit.services.record(
        case=f"container:{container.pk}",
        action=action,
        actor=user or audit.services.SYSTEM,
        after={
            "name": container.name,
            "engine": container.engine,
            "wire_engine": container.wire_engine,
            "audio_type": container.audio_type,
            "policy": container.policy,
            "callback_url": container.callback_url,
            "upload_audio": container.upload_audio,
            "link_audio": container.link_audio,
            "audio_days": container.audio_days,
            "hide_rejected": container.hide_rejected,
            "buckets": sorted(container.buckets.values_list("pk", flat=True)),
        },
    )

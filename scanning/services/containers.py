"""Making and changing containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import transaction
from django.urls import reverse

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
        record_saved(container=container, is_new=True, user=user)
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
        record_saved(container=container, is_new=False, user=user)


def record_saved(*, container: Container, is_new: bool, user: User | None) -> None:
    """Keep in the audit trail what a container says now; its buckets are set before."""
    audit.services.record(
        case=f"container:{container.pk}",
        action="container.created" if is_new else "container.changed",
        actor=user or audit.services.SYSTEM,
        after={
            "name": container.name,
            "engine": container.engine,
            "wire_engine": container.wire_engine,
            "audio_type": container.audio_type,
            "score_floor": str(container.score_floor),
            "policy": container.policy,
            "callback_url": container.callback_url,
            "upload_audio": container.upload_audio,
            "link_audio": container.link_audio,
            "audio_days": container.audio_days,
            "hide_rejected": container.hide_rejected,
            "buckets": sorted(container.buckets.values_list("pk", flat=True)),
        },
    )


def inbound_callback_url(container: Container) -> str:
    """Return the address that ACRCloud posts this container's results to."""
    path = reverse(
        "scanning:acrcloud_callback", args=[container.pk, container.callback_secret]
    )
    return f"{settings.ACRPORTAL_BASE_URL}{path}"

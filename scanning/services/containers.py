"""Creates and changes containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import transaction
from django.urls import reverse

import base.audit.services
from base.accounts.models import User
from base.audit.services import columns_of
from catalogue.models import Bucket
from scanning import selectors
from scanning.models import Container
from scanning.models.cloud_account import new_callback_secret
from scanning.services.scans import cancel_scan


def create_container(
    *, columns: Mapping[str, object], buckets: Iterable[Bucket], user: User | None
) -> Container:
    """Create a container that searches ``buckets``."""
    with transaction.atomic():
        container = Container.objects.create(created_by=user, **columns)
        container.buckets.set(buckets)
        record_saved(container=container, engine_before=None, user=user)
    return container


def update_container(
    *,
    container: Container,
    columns: Mapping[str, object],
    buckets: Iterable[Bucket] | None = None,
    user: User | None,
) -> None:
    """Change a container; earlier scans keep the settings they ran with."""
    engine_before = container.engine
    for name, value in columns.items():
        setattr(container, name, value)
    with transaction.atomic():
        container.save()
        if buckets is not None:
            container.buckets.set(buckets)
        record_saved(container=container, engine_before=engine_before, user=user)


def record_saved(*, container: Container, engine_before: str | None, user: User | None) -> None:
    """Record a container's settings in the audit trail; set its buckets first.

    ``engine_before`` is None for a new container. A change of engine also changes the
    callback address, and cancels the scans that waited for a callback.
    """
    if engine_before not in (None, container.engine):
        # The old address must not accept results for the new engine.
        container.callback_secret_sealed = new_callback_secret()
        container.save(update_fields=["callback_secret_sealed", "updated_at"])
        for scan in selectors.scans_awaiting_callback().filter(scanned_file__container=container):
            cancel_scan(scan=scan, user=user)
    base.audit.services.record(
        case=f"container:{container.pk}",
        action=("container.created" if engine_before is None else "container.changed"),
        actor=user or base.audit.services.SYSTEM,
        after=columns_of(container, (*Container.SETTINGS, "wire_engine", "policy")),
    )


def inbound_callback_url(container: Container) -> str:
    """Return where ACRCloud posts this container's results, or ""."""
    if not container.takes_callbacks:
        return ""
    path = reverse("scanning:acrcloud_callback", args=[container.pk, container.callback_secret])
    return f"{settings.ACRPORTAL_BASE_URL}{path}"

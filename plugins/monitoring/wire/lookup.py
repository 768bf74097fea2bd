"""Resolves ids of streams from URLs, or refuses them."""

from __future__ import annotations

from django.db.models import QuerySet

from acrapi.errors import not_found
from acrapi.lookup import container_of, split_ids
from plugins.monitoring.streams.models import Stream
from scanning.models import Container


def streams_of(container: Container) -> QuerySet[Stream]:
    """Return the streams of a container."""
    return (
        Stream.objects.present().filter(container=container).select_related("container")
    )


def named_streams(container_id: str, given: str) -> list[Stream]:
    """Return the streams with the given ids; refuse if none exists."""
    container = container_of(container_id)
    found = list(streams_of(container).filter(uid__in=split_ids(given)))
    if not found:
        raise not_found(
            f"Container {container.pk} has no stream {given[:80]}.",
            code="unknown_stream",
        )
    return found


def stream_of(container_id: str, given: str) -> Stream:
    """Return the stream with the given id; refuse if it does not exist."""
    return named_streams(container_id, given)[0]

"""Resolves ids of streams from URLs, or refuses them."""

from __future__ import annotations

from django.db.models import QuerySet

from plugins.monitoring.streams.models import Stream
from scanning.models import Container
from web.acrapi.errors import not_found
from web.acrapi.lookup import container_of, split_ids


def streams_of(container: Container) -> QuerySet[Stream]:
    """Return the streams of a container."""
    return Stream.objects.present().filter(container=container).select_related("container")


def named_streams(container_id: str, ids: str) -> list[Stream]:
    """Return the streams with the given ids; refuse if none exists."""
    container = container_of(container_id)
    streams = list(streams_of(container).filter(uid__in=split_ids(ids)))
    if not streams:
        raise not_found(
            f"Container {container.pk} has no stream {ids[:80]}.", code="unknown_stream"
        )
    return streams


def stream_of(container_id: str, uid: str) -> Stream:
    """Return the stream with the given id; refuse if it does not exist."""
    return named_streams(container_id, uid)[0]

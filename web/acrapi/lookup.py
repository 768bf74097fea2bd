"""Resolves ids from URLs and bodies, or refuses them with a helpful message."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from catalogue.models import Bucket, Recording
from scanning.models import Container, ScannedFile
from web.acrapi.errors import invalid, not_found
from web.acrapi.serializers.fields import as_id
from web.acrapi.states import LISTED_RECORDING_STATUSES

MAX_IDS = 1000
_NAMED = 20


def container_of(identifier: str) -> Container:
    """Return the container with this id."""
    container = Container.objects.present().filter(pk=as_id(identifier) or 0).first()
    if container is None:
        raise not_found(
            f"Container {identifier[:40]} is unknown here. Your token sees: "
            f"{_list_names(Container.objects.present().order_by('-id'))}.",
            code="unknown_container",
        )
    return container


def bucket_of(identifier: object) -> Bucket:
    """Return the bucket with this id."""
    bucket = Bucket.objects.present().filter(pk=as_id(identifier) or 0).first()
    if bucket is None:
        raise not_found(
            f"Bucket {str(identifier)[:40]} is unknown here. Your token sees: "
            f"{_list_names(Bucket.objects.present().order_by('-id'))}.",
            code="unknown_bucket",
        )
    return bucket


def _list_names(rows: QuerySet[Container] | QuerySet[Bucket]) -> str:
    names = [f"{number} {name}" for number, name in rows.values_list("pk", "name")[:_NAMED]]
    return ", ".join(names) or "none"


def files_of(container: Container) -> QuerySet[ScannedFile]:
    """Return the container's files, newest first.

    The container is not joined. A join would keep SQLite from reading the list's index
    in order, so that late pages sort all files. See ``with_container``.
    """
    live = ScannedFile.objects.present().filter(container=container)
    return live.order_by("-id")


def with_container(files: Sequence[ScannedFile], container: Container) -> Sequence[ScannedFile]:
    """Set the known container on the files, which saves a query."""
    for file in files:
        file.container = container
    return files


def named_files(container: Container, ids: str) -> list[ScannedFile]:
    """Return the files with the given ids, in that order; refuse if none exists."""
    uids = [uid for part in split_ids(ids) if (uid := _uuid(part)) is not None]
    rows = list(files_of(container).filter(uid__in=uids))
    by_uid = {file.uid: file for file in with_container(rows, container)}
    files = [by_uid[uid] for uid in dict.fromkeys(uids) if uid in by_uid]
    if not files:
        raise not_found(f"Container {container.pk} has no file {ids[:80]}.", code="unknown_file")
    return files


def recordings_of(bucket: Bucket) -> QuerySet[Recording]:
    """Return the recordings of a bucket that clients may see."""
    return Recording.objects.filter(bucket=bucket, status__in=LISTED_RECORDING_STATUSES)


def listed_recordings(bucket: Bucket) -> QuerySet[Recording]:
    """Return ``recordings_of`` with only the columns of a list."""
    return recordings_of(bucket).only(
        "id",
        "added_by_id",
        "acr_id",
        "bucket_id",
        "status",
        "title",
        "custom_id",
        "duration_ms",
        "user_defined",
        "created_at",
        "updated_at",
    )


def named_recordings(
    rows: QuerySet[Recording], identifiers: object, *, place: str
) -> list[Recording]:
    """Return recordings by id or acr_id; refuse if none exists."""
    parts = split_ids(identifiers)
    ids = [number for part in parts if (number := as_id(part)) is not None]
    matching = rows.filter(Q(pk__in=ids) | Q(acr_id__in=[part.lower() for part in parts]))
    recordings = list(matching.order_by("pk"))
    if not recordings:
        text = ",".join(parts)[:80]
        raise not_found(f"{place} has no file {text}.", code="unknown_file")
    # Clients expect the order in which they asked.
    order = {part.lower(): place for place, part in enumerate(parts)}
    last = len(order)
    return sorted(recordings, key=lambda row: order.get(str(row.pk), order.get(row.acr_id, last)))


def shown_recordings(bucket: Bucket, identifiers: object, *, place: str) -> list[Recording]:
    """Return recordings to read; ids of merged recordings lead to their target."""
    parts = split_ids(identifiers)
    ids = [number for part in parts if (number := as_id(part)) is not None]
    named = Q(pk__in=ids) | Q(acr_id__in=[part.lower() for part in parts])
    merged = bucket.recordings.filter(named, merged_into__isnull=False)
    rows = recordings_of(bucket)
    stands = {recording.stands_for_it.pk for recording in merged}
    if not stands:
        return named_recordings(rows, identifiers, place=place)
    return list(rows.filter(named | Q(pk__in=stands)).order_by("pk"))


def split_ids(identifiers: object) -> list[str]:
    """Return the ids in a comma-separated text or JSON list; drop unprintable ones."""
    parts: Iterable[object] = (
        identifiers if isinstance(identifiers, list) else str(identifiers).split(",")
    )
    texts = [str(part).strip() for part in parts]
    if len(texts) > MAX_IDS:
        raise invalid("ids", f"At most {MAX_IDS} ids in one call.")
    # Others cannot be ids, and PostgreSQL refuses NUL in comparisons.
    return [text for text in texts if text.isprintable() and text]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

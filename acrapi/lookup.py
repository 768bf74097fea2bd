"""Finding what an address names; whatever is not there is refused with a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from acrapi.errors import invalid, not_found
from acrapi.serializers.fields import as_id
from acrapi.states import LISTED_RECORDING_STATUSES
from catalogue.models import Bucket, Recording
from scanning.models import Container, ScannedFile

MAX_IDS = 1000
_NAMED = 20


def container_of(given: str) -> Container:
    """Return the container with this id."""
    identifier = as_id(given)
    found = Container.objects.filter(pk=identifier).first() if identifier else None
    if found is None:
        raise not_found(
            f"Container {given[:40]} is not known here. Your token sees: "
            f"{_listed(Container.objects.order_by('-id'))}.",
            code="unknown_container",
        )
    return found


def bucket_of(given: object) -> Bucket:
    """Return the bucket with this id."""
    identifier = as_id(given)
    found = Bucket.objects.filter(pk=identifier).first() if identifier else None
    if found is None:
        raise not_found(
            f"Bucket {str(given)[:40]} is not known here. Your token sees: "
            f"{_listed(Bucket.objects.order_by('-id'))}.",
            code="unknown_bucket",
        )
    return found


def _listed(rows: QuerySet[Container] | QuerySet[Bucket]) -> str:
    shown = [
        f"{number} {name}" for number, name in rows.values_list("pk", "name")[:_NAMED]
    ]
    return ", ".join(shown) or "none"


def files_of(container: Container) -> QuerySet[ScannedFile]:
    """Return the container's files, newest first.

    The container is not joined: that would keep SQLite from walking the index in the
    list's order, and a late page would sort the whole list. See ``with_container``.
    """
    live = ScannedFile.objects.filter(container=container, deleted_at__isnull=True)
    return live.order_by("-id")


def with_container(
    files: Sequence[ScannedFile], container: Container
) -> Sequence[ScannedFile]:
    """Give files the container that they were looked up in, instead of reading it."""
    for file in files:
        file.container = container
    return files


def named_files(container: Container, given: str) -> list[ScannedFile]:
    """Return the files that ``given`` names, in its order; refuse if it names none."""
    uids = [uid for part in split_ids(given) if (uid := _uuid(part)) is not None]
    rows = list(files_of(container).filter(uid__in=uids))
    known = {file.uid: file for file in with_container(rows, container)}
    found = [known[uid] for uid in dict.fromkeys(uids) if uid in known]
    if not found:
        raise not_found(
            f"Container {container.pk} has no file {given[:80]}.", code="unknown_file"
        )
    return found


def recordings_of(bucket: Bucket) -> QuerySet[Recording]:
    """Return the recordings of a bucket that clients see."""
    return Recording.objects.filter(bucket=bucket, status__in=LISTED_RECORDING_STATUSES)


def listed_recordings(bucket: Bucket) -> QuerySet[Recording]:
    """Return the same with only the columns that a list shows."""
    return recordings_of(bucket).only(
        *("id", "added_by_id", "acr_id", "bucket_id", "status", "title", "custom_id"),
        *("duration_ms", "user_defined", "created_at", "updated_at"),
    )


def named_recordings(
    rows: QuerySet[Recording], given: object, *, place: str
) -> list[Recording]:
    """Return what ``given`` names by id or acr_id; refuse if it names none."""
    parts = split_ids(given)
    ids = [number for part in parts if (number := as_id(part)) is not None]
    found = rows.filter(Q(pk__in=ids) | Q(acr_id__in=[part.lower() for part in parts]))
    recordings = list(found.order_by("pk"))
    if not recordings:
        shown = ",".join(parts)[:80]
        raise not_found(f"{place} has no file {shown}.", code="unknown_file")
    order = {part.lower(): place for place, part in enumerate(parts)}
    last = len(order)
    return sorted(
        recordings,
        key=lambda row: order.get(str(row.pk), order.get(row.acr_id, last)),
    )


def shown_recordings(bucket: Bucket, given: object, *, place: str) -> list[Recording]:
    """Return what ``given`` names, for reading: ids of merged ones lead on."""
    parts = split_ids(given)
    ids = [number for part in parts if (number := as_id(part)) is not None]
    named = Q(pk__in=ids) | Q(acr_id__in=[part.lower() for part in parts])
    merged = bucket.recordings.filter(named, merged_into__isnull=False)
    rows = recordings_of(bucket)
    stands = {recording.stands_for_it.pk for recording in merged}
    if not stands:
        return named_recordings(rows, given, place=place)
    return list(rows.filter(named | Q(pk__in=stands)).order_by("pk"))


def split_ids(given: object) -> list[str]:
    """Return the ids in a comma list or a JSON list; storable texts only."""
    parts: Iterable[object] = (
        given if isinstance(given, list) else str(given).split(",")
    )
    texts = [str(part).strip() for part in parts]
    if len(texts) > MAX_IDS:
        raise invalid("ids", f"At most {MAX_IDS} ids in one call.")
    return [text for text in texts if text.isprintable() and text]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

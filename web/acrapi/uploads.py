"""Presigned uploads: URLs that accept one file without a token for a while."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse

from base.accounts.models import User
from base.common.bodies import BodyTooLarge
from base.common.databases import one_at_a_time
from base.common.storage import FileOnDisk, display_name, sha256_of
from scanning.models import Container
from scanning.services import quotas
from web.acrapi.errors import CUT_OFF, WireError, invalid
from web.acrapi.models import StagedUpload, new_upload_uid

LIFETIME = timedelta(minutes=15)
# How long a sent file waits to be submitted.
KEPT = timedelta(hours=24)
_CHUNK_BYTES = 1024 * 1024
_VENDOR_DOMAINS = (".acrcloud.com", ".acrcloud.cn")
_SALT = "acrapi.uploads"


def stage(*, container: Container, owner: User, file_name: str) -> StagedUpload:
    """Create a URL for one upload; refuse it while too many wait to be submitted."""
    name = display_name(file_name, otherwise="upload")
    uid = new_upload_uid()
    with one_at_a_time(f"unfinished:{owner.pk}"):
        quotas.refuse_unfinished(
            count=_unfinished(owner).count() + 1, size_bytes=_unfinished_bytes(owner)
        )
        return StagedUpload.objects.create(
            uid=uid,
            key=f"fs/{container.pk}/{uid}/{name}",
            container=container,
            owner=owner,
            file_name=name,
            expires_at=datetime.now(tz=UTC) + LIFETIME,
        )


def discard_expired() -> int:
    """Delete uploads that nobody submitted in time, with their files; return how many."""
    now = datetime.now(tz=UTC)
    over = Q(expires_at__lt=now) | Q(used_at__lt=now - KEPT)
    old = list(StagedUpload._base_manager.filter(over).order_by("pk")[:1000])
    for staged in old:
        path = path_of(staged)
        # Of a process that was killed while it received.
        for partial in path.parent.glob(f"{path.name}.*.part"):
            partial.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        staged.delete()
    return len(old)


def _unfinished(owner: User) -> QuerySet[StagedUpload]:
    """Return uploads that are awaited, arrive, or wait to be submitted."""
    rows = StagedUpload._base_manager.filter(owner=owner, used_at__isnull=True)
    return rows.filter(expires_at__gt=datetime.now(tz=UTC))


def _unfinished_bytes(owner: User) -> int:
    """Return the bytes of these, and of uploads in pieces."""
    staged = _unfinished(owner).aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
    return int(staged) + quotas.unfinished_bytes(owner)


def _reserve(staged: StagedUpload, announced: int | None) -> int:
    """Count the bytes of a body before it is received, for all bodies at once.

    A body of unknown length may take all the room that is left; return its limit.
    """
    with one_at_a_time(f"unfinished:{staged.owner_id}"):
        unfinished = _unfinished_bytes(staged.owner)
        size_bytes = quotas.room(staged.owner, unfinished)
        if announced is not None:
            size_bytes = min(announced, settings.ACRPORTAL_MAX_FILE_BYTES)
        # A large body may take longer than the address lasts, and a second one may
        # come to the same address meanwhile.
        StagedUpload._base_manager.filter(pk=staged.pk).update(
            size_bytes=F("size_bytes") + size_bytes, expires_at=datetime.now(tz=UTC) + KEPT
        )
        _refuse_total(staged.owner, unfinished + max(size_bytes, 1))
    return size_bytes


def _refuse_total(owner: User, total_bytes: int) -> None:
    quotas.refuse_unfinished(count=0, size_bytes=total_bytes)
    quotas.refuse_over_day(owner, total_bytes)


def presigned_url(staged: StagedUpload, request: HttpRequest) -> str:
    """Return the upload URL, on a host that reaches this server.

    Clients may be configured to reach us under ACRCloud's host names. The upload may
    use another connection without that configuration, so it gets the public base URL
    then.
    """
    expires = str(int(staged.expires_at.timestamp()))
    path = reverse("acrapi-upload", args=[staged.uid])
    signature = _signer().signature(f"{staged.uid}:{expires}")
    query = f"?expires={expires}&signature={signature}"
    host = request.get_host().rsplit(":", 1)[0]
    if host.endswith(_VENDOR_DOMAINS):
        return f"{settings.ACRPORTAL_BASE_URL}{path}{query}"
    return request.build_absolute_uri(path) + query


def open_upload(*, uid: str, expires: str, signature: str) -> StagedUpload:
    """Return the upload of a presigned URL, or refuse it."""
    try:
        # Addresses signed with an earlier SECRET_KEY are valid until they expire.
        _signer().unsign(f"{uid}:{expires}:{signature}")
    except BadSignature as error:
        raise WireError(403, "bad_signature", "This upload address was changed.") from error
    staged = StagedUpload.objects.filter(uid=uid).first()
    if staged is None or staged.expires_at <= datetime.now(tz=UTC):
        raise WireError(
            403, "upload_expired", "This upload address has expired; ask for a new one."
        )
    return staged


def _used() -> WireError:
    return WireError(
        403, "upload_used", "Other bytes were sent to this upload address; ask for a new one."
    )


def receive(
    staged: StagedUpload, announced: int | None, open_body: Callable[[int], BinaryIO]
) -> None:
    """Store the body completely, or not at all.

    ``open_body`` returns the body, and raises ``BodyTooLarge`` as soon as it has more
    bytes than were announced. It is called when there is room: servers may first write a
    body of unknown length to disk. The first complete body takes the URL; after it, only
    the same bytes are accepted, because a client repeats what it got no answer to.
    """
    if staged.uploaded_at is not None:
        _refuse_other(staged, announced, open_body)
        return
    target = path_of(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name per request: two bodies may arrive at the same URL.
    partial = target.with_suffix(f".{new_upload_uid()}.part")
    reserved = _reserve(staged, announced)
    try:
        try:
            received, sha256 = _copy(open_body(reserved), partial)
        except BodyTooLarge as error:
            # It was the room that was left, if it was less than a file may have.
            _refuse_total(staged.owner, _unfinished_bytes(staged.owner) + 1)
            raise _too_large() from error
        if announced is not None and received < announced:
            raise WireError(400, "cut_off", CUT_OFF)
        with transaction.atomic():
            # In one transaction with the rename: a row never names a missing file.
            now = datetime.now(tz=UTC)
            waiting = StagedUpload.objects.filter(pk=staged.pk, uploaded_at__isnull=True)
            is_first = waiting.update(
                size_bytes=F("size_bytes") - reserved + received,
                sha256=sha256,
                uploaded_at=now,
                expires_at=now + KEPT,
            )
            if is_first:
                partial.replace(target)
            else:
                rows = StagedUpload._base_manager.filter(pk=staged.pk)
                if not rows.filter(sha256=sha256).exists():
                    raise _used()
                rows.update(size_bytes=F("size_bytes") - reserved)
    except BaseException:
        rows = StagedUpload._base_manager.filter(pk=staged.pk)
        rows.update(size_bytes=F("size_bytes") - reserved)
        rows.filter(uploaded_at=None).update(expires_at=staged.expires_at)
        raise
    finally:
        partial.unlink(missing_ok=True)


def _refuse_other(
    staged: StagedUpload, announced: int | None, open_body: Callable[[int], BinaryIO]
) -> None:
    """Refuse a body unless it has the bytes that came before; nothing is stored."""
    if announced not in (None, staged.size_bytes):
        raise _used()
    digest, received = hashlib.sha256(), 0
    try:
        stream = open_body(staged.size_bytes)
    except BodyTooLarge as error:
        raise _used() from error
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
        received += len(chunk)
    if received < staged.size_bytes and announced is not None:
        raise WireError(400, "cut_off", CUT_OFF)
    if digest.hexdigest() != staged.sha256:
        raise _used()


def _copy(stream: BinaryIO, target: Path) -> tuple[int, str]:
    """Write a body to disk; return its size and SHA-256."""
    limit, received, digest = settings.ACRPORTAL_MAX_FILE_BYTES, 0, hashlib.sha256()
    with target.open("wb") as file:
        while chunk := stream.read(_CHUNK_BYTES):
            received += len(chunk)
            if received > limit:
                raise _too_large()
            digest.update(chunk)
            file.write(chunk)
    return received, digest.hexdigest()


def _too_large() -> WireError:
    limit = settings.ACRPORTAL_MAX_FILE_BYTES
    return WireError(
        413,
        "file_too_large",
        f"The file is larger than {limit / 1024**3:g} GiB, which is the limit. Split it "
        "or ask an admin to raise the limit.",
    )


@contextmanager
def opened(
    *, key: str, container: Container, owner: User
) -> Iterator[tuple[StagedUpload, FileOnDisk]]:
    """Open the upload with this key; refuse keys of other callers."""
    mine = StagedUpload.objects.filter(key=key, container=container, owner=owner)
    staged = _waiting(mine).first()
    if staged is None:
        raise _unknown()
    try:
        file = FileOnDisk(path_of(staged), staged.file_name)
    except FileNotFoundError as taken:
        raise _unknown() from taken
    with file:
        file.sha256 = sha256_of(file)
        yield staged, file


@contextmanager
def claimed(staged: StagedUpload) -> Iterator[None]:
    """Claim an upload for the block; refuse a second claim, unless the block failed.

    Storing the file is slow, so no transaction holds the claim meanwhile.
    """
    mine = StagedUpload.objects.filter(pk=staged.pk)
    if not _waiting(mine).update(used_at=datetime.now(tz=UTC)):
        raise _unknown()
    try:
        yield
    except BaseException:
        mine.update(used_at=None)
        raise


def _waiting(rows: QuerySet[StagedUpload]) -> QuerySet[StagedUpload]:
    """Return uploads that wait to be submitted."""
    return rows.filter(
        uploaded_at__isnull=False, used_at__isnull=True, expires_at__gt=datetime.now(tz=UTC)
    )


def _unknown() -> WireError:
    return invalid(
        "key",
        "Nothing was uploaded under this key for this container, or it was "
        "already submitted. Request a presigned upload, send the file there, then "
        "submit its key.",
        code="unknown_upload",
    )


def path_of(staged: StagedUpload) -> Path:
    """Return the path of a staged upload."""
    folder: Path = settings.ACRPORTAL_DATA_DIR / "uploads"
    return folder / staged.uid


def _signer() -> Signer:
    return Signer(salt=_SALT)

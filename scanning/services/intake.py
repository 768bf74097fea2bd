"""Taking in what people bring: uploads, links, and audio for links that gave none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

import audit.services
from accounts.models import User
from common.fingerprint_files import read_fingerprint
from common.http import LinkRefused, check_link
from common.leases import one_at_a_time
from common.media_analysis import AudioRefused
from common.storage import display_name, keep_file, sha256_of
from scanning.choices import FileStatus, SourceType
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from scanning.models.scanned_file import AUDIO_FIELDS
from scanning.services.scans import request_scan
from scanning.sources.link_keys import link_key
from scanning.sources.links import link_name, too_large_message


@dataclass(frozen=True, slots=True)
class FileDetails:
    """What the person who brings a file says about it."""

    programme: str = ""
    account: str = ""
    external_id: str = ""
    platform: str = ""
    published_at: datetime | None = None
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Submission:
    """The file that was taken in, or the earlier one with the same bytes."""

    scanned_file: ScannedFile
    seen_before: bool = False


def submit_upload(
    *,
    container: Container,
    upload: File[bytes],
    user: User | None,
    details: FileDetails | None = None,
    scan_again: bool = False,
    name: str = "",
    waited_for: bool = False,
) -> Submission:
    """Keep an uploaded file and queue its scan; ``name`` stands for the file's own.

    The same bytes in the same container are not kept twice: the earlier file is
    returned, unless ``scan_again``. Raises ``IntakeRefused`` for a file that is empty
    or over the size limit; what only reading shows ends in the file's status.
    """
    name = display_name(name or upload.name or "", otherwise="upload")
    _check_size(name, upload.size)
    sha256 = sha256_of(upload)
    earlier = None if scan_again else _earlier(container, sha256)
    if earlier is not None:
        return Submission(earlier, seen_before=True)
    file = ScannedFile(
        container=container, name=name, uploaded_by=user, **_columns(details)
    )
    key = file.uid.hex
    stored = keep_file(upload, f"files/{key[:2]}/{key}", sha256=sha256)
    file.take_audio(stored)
    with one_at_a_time(f"upload:{container.pk}:{sha256}"):
        # The same bytes may have come while these were stored.
        earlier = None if scan_again else _earlier(container, sha256)
        if earlier is None:
            file.save()
            _record_intake(file, user)
            request_scan(scanned_file=file, user=user, waited_for=waited_for)
            return Submission(file)
    default_storage.delete(stored.name)
    return Submission(earlier, seen_before=True)


def submit_fingerprint(
    *, container: Container, upload: File[bytes], user: User | None, name: str = ""
) -> ScannedFile:
    """Keep a fingerprint file of ours and queue its scan; there is no audio.

    Raises ``IntakeRefused`` for a file that is no such fingerprint.
    """
    name = display_name(name or upload.name or "", otherwise="upload")
    _check_size(name, upload.size)
    try:
        fingerprint = read_fingerprint(upload, needs_scan_layer=True)
    except AudioRefused as error:
        raise IntakeRefused(error.code, str(error)) from error
    file = ScannedFile(
        container=container,
        name=name,
        source_type=SourceType.FINGERPRINT,
        duration_ms=fingerprint.duration_ms,
        uploaded_by=user,
    )
    key = file.uid.hex
    stored = keep_file(upload, f"scans/{key[:2]}/{key}.acrfp")
    file.fingerprint = stored.name
    file.sha256 = stored.sha256
    file.size_bytes = stored.size_bytes
    with transaction.atomic():
        file.save()
        _record_intake(file, user)
        request_scan(scanned_file=file, user=user)
    return file


def submit_link(
    *,
    container: Container,
    url: str,
    user: User | None,
    details: FileDetails | None = None,
    name: str = "",
    scan_again: bool = True,
    waited_for: bool = False,
) -> ScannedFile:
    """Keep a link and queue its scan; the worker fetches the audio.

    Raises ``IntakeRefused`` for a link that may not be fetched, as far as the link
    itself shows; a private address behind a name is refused when it is fetched. A link
    that was submitted to the container before is refused too, unless ``scan_again``.
    """
    url = url.strip()
    try:
        check_link(url)
    except LinkRefused as error:
        raise IntakeRefused(
            "link_refused", f"{url[:200]}: This link is not allowed: {error}."
        ) from error
    if len(url) > 2000:
        raise IntakeRefused(
            "link_refused", "This link is longer than 2,000 characters."
        )
    key = link_key(url)
    file = ScannedFile(
        container=container,
        link_key=key,
        name=display_name(name, otherwise="") or link_name(url),
        source_type=SourceType.LINK,
        source_url=url,
        uploaded_by=user,
        **_columns(details),
    )
    # Of two who submit it at the same moment, the second sees the first one's file.
    with one_at_a_time(f"link:{container.pk}:{key}"):
        if not scan_again:
            _refuse_known_link(container, key)
        file.save()
        _record_intake(file, user)
        request_scan(scanned_file=file, user=user, waited_for=waited_for)
    return file


def file_of_link(*, container: Container, key: str) -> ScannedFile | None:
    """Return the newest file of a container that was submitted with this link."""
    return (
        ScannedFile.objects.filter(
            container=container, link_key=key, deleted_at__isnull=True
        )
        .order_by("-pk")
        .first()
    )


def _refuse_known_link(container: Container, key: str) -> None:
    earlier = file_of_link(container=container, key=key)
    if earlier is not None:
        raise IntakeRefused(
            "link_seen",
            f"Submitted on {earlier.created_at:%Y-%m-%d} as {earlier.name}. Open that "
            "result, or scan it again from its page.",
            status=409,
        )


def attach_audio(*, scanned_file: ScannedFile, upload: File[bytes], user: User) -> None:
    """Give a link that yielded no audio its audio, and scan it."""
    if scanned_file.status not in {FileStatus.NEEDS_AUDIO, FileStatus.ERROR}:
        raise IntakeRefused(
            "not_waiting_for_audio",
            f"{scanned_file.name} does not wait for audio.",
            status=409,
        )
    _check_size(display_name(upload.name or "", otherwise="upload"), upload.size)
    key = scanned_file.uid.hex
    earlier = [str(one) for one in (scanned_file.media, scanned_file.proxy) if one]
    stored = keep_file(upload, f"files/{key[:2]}/{key}")
    scanned_file.take_audio(stored)
    scanned_file.fingerprint = scanned_file.waveform = scanned_file.proxy = ""
    made_of_it = ("fingerprint", "waveform", "proxy")
    try:
        with transaction.atomic():
            scanned_file.save(update_fields=[*AUDIO_FIELDS, *made_of_it])
            audit.services.record(
                case=f"file:{scanned_file.uid}",
                action="file.audio_attached",
                actor=user,
                after={"sha256": scanned_file.sha256},
            )
            request_scan(scanned_file=scanned_file, user=user, waited_for=True)
    except IntakeRefused:
        default_storage.delete(stored.name)
        raise
    # What was heard of it before is not kept under no name.
    for name in earlier:
        default_storage.delete(name)


def _check_size(name: str, size_bytes: int) -> None:
    if size_bytes == 0:
        raise IntakeRefused(
            "empty_file", f"{name} is empty (0 bytes). Nothing was scanned."
        )
    if size_bytes > settings.ACRPORTAL_MAX_FILE_BYTES:
        raise IntakeRefused(
            "file_too_large", too_large_message(name, size_bytes), status=413
        )


def _earlier(container: Container, sha256: str) -> ScannedFile | None:
    return (
        ScannedFile.objects.filter(
            container=container, sha256=sha256, deleted_at__isnull=True
        )
        .order_by("id")
        .first()
    )


def _columns(details: FileDetails | None) -> dict[str, object]:
    told = details or FileDetails()
    return {
        "programme": told.programme,
        "account": told.account,
        "external_id": told.external_id,
        "platform": told.platform,
        "published_at": told.published_at,
        "tags": told.tags,
    }


def _record_intake(file: ScannedFile, user: User | None) -> None:
    audit.services.record(
        case=f"file:{file.uid}",
        action="file.submitted",
        actor=user or audit.services.SYSTEM,
        after={
            "name": file.name,
            "container": file.container_id,
            "sha256": file.sha256,
            "url": file.source_url,
        },
    )

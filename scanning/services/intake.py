"""Accepts uploads, fingerprints and links, and audio for links that gave none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.common.databases import one_at_a_time
from base.common.exchanges import LinkRefused
from base.common.fingerprint_files import keep_fingerprint
from base.common.http import check_link
from base.common.media_analysis import AudioRefused
from base.common.outside_text import one_line
from base.common.storage import display_name, keep_file, sha256_of
from scanning import selectors
from scanning.choices import ACTIVE_FILE_STATUSES, FileStatus, SourceType
from scanning.errors import IntakeRefused, LinkSeen
from scanning.models import Container, ScannedFile
from scanning.models.scanned_file import AUDIO_FIELDS
from scanning.services.quotas import refuse_over_day
from scanning.services.scans import request_scan
from scanning.sources.link_keys import link_key
from scanning.sources.links import link_name, too_large_message

Details: TypeAlias = Mapping[str, Any]
"""Values of columns in ``ScannedFile.DETAILS``."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The new file, or the earlier one with the same bytes."""

    scanned_file: ScannedFile
    seen_before: bool = False


def room_for(user: User) -> int:
    """Return how many more files the person may submit now."""
    waiting = selectors.files().filter(uploaded_by=user, status__in=ACTIVE_FILE_STATUSES)
    return max(0, settings.ACRPORTAL_MAX_OPEN_FILES - waiting.count())


def refuse_too_many_open(user: User) -> None:
    """Raise ``IntakeRefused`` if the person has as many open files as allowed."""
    if not room_for(user):
        raise IntakeRefused(
            "too_many_open",
            _("You already have %(limit)s files waiting. Submit again when some have finished.")
            % {"limit": settings.ACRPORTAL_MAX_OPEN_FILES},
            status=429,
        )


def submit_upload(  # noqa: PLR0913 - most are optional
    *,
    container: Container,
    upload: File[bytes],
    user: User | None,
    details: Details = MappingProxyType({}),
    scan_again: bool = False,
    name: str = "",
    waited_for: bool = False,
    and_then: Callable[[ScannedFile], None] | None = None,
) -> Submission:
    """Store an uploaded file and queue its scan; ``name`` overrides its file name.

    If the container already holds the same bytes, return that file, unless
    ``scan_again``. ``and_then`` is called with a new file in the transaction that makes
    it; if it raises, there is no file. Raise ``IntakeRefused`` for an empty or oversized file; errors that
    only decoding shows appear in the file's status.
    """
    name = display_name(name or upload.name or "", otherwise="upload")
    check_size(name, upload.size)
    address = address_of(details)
    sha256 = sha256_of(upload)
    # Check before storing, so that a repeated upload costs no disk space.
    earlier = None if scan_again else file_of_bytes(container, sha256)
    if earlier is not None:
        return Submission(earlier, seen_before=True)
    refuse_over_day(user, upload.size)
    file = ScannedFile(container=container, name=name, uploaded_by=user, **details)
    file.source_url, file.link_key = address
    key = file.uid.hex
    stored = keep_file(upload, f"files/{key[:2]}/{key}", sha256=sha256)
    file.take_audio(stored)
    with one_at_a_time(f"upload:{container.pk}:{sha256}"):
        # Somebody may have submitted the same bytes while these were being stored.
        earlier = None if scan_again else file_of_bytes(container, sha256)
        if earlier is None:
            _take_in(file, user, waited_for=waited_for)
            if and_then is not None:
                and_then(file)
            return Submission(file)
    # Another request won; its copy of the bytes stays.
    default_storage.delete(stored.name)
    return Submission(earlier, seen_before=True)


def submit_fingerprint(
    *, container: Container, upload: File[bytes], user: User | None, name: str = ""
) -> ScannedFile:
    """Store one of our fingerprint files and queue its scan; there is no audio.

    Raise ``IntakeRefused`` if the file is not such a fingerprint.
    """
    name = display_name(name or upload.name or "", otherwise="upload")
    check_size(name, upload.size)
    refuse_over_day(user, upload.size)
    file = ScannedFile(
        container=container, name=name, source_type=SourceType.FINGERPRINT, uploaded_by=user
    )
    key = file.uid.hex
    try:
        stored, file.length_ms = keep_fingerprint(upload, f"scans/{key[:2]}/{key}.acrfp")
    except AudioRefused as error:
        raise IntakeRefused(error.code, str(error)) from error
    file.fingerprint = stored.name
    file.sha256 = stored.sha256
    file.size_bytes = stored.size_bytes
    with transaction.atomic():
        _take_in(file, user)
    return file


def store_landmarks(*, landmarks: bytes, duration_ms: int) -> ScannedFile:
    """Return a part of a stream as a file of landmarks, which are stored; saves no row."""
    file = ScannedFile(source_type=SourceType.STREAM, length_ms=duration_ms)
    key = file.uid.hex
    stored = keep_file(ContentFile(landmarks, name="hour.acrfp"), f"scans/{key[:2]}/{key}.acrfp")
    file.fingerprint = stored.name
    file.sha256 = stored.sha256
    file.size_bytes = stored.size_bytes
    return file


def submit_landmarks(
    *,
    file: ScannedFile,
    container: Container,
    name: str,
    details: Details,
    facts: dict[str, object],
) -> ScannedFile:
    """Save a file of stored landmarks; the caller asks for its scan.

    ``facts`` are as those of decoded audio; its warnings name what was not heard.
    """
    file.container = container
    file.name = one_line(name, 500)
    file.facts = facts
    for column, value in details.items():
        setattr(file, column, value)
    with transaction.atomic():
        file.save()
        _record_intake(file, None)
    return file


def submit_link(
    *,
    container: Container,
    url: str,
    user: User | None,
    details: Details = MappingProxyType({}),
    name: str = "",
    scan_again: bool = True,
    waited_for: bool = False,
) -> ScannedFile:
    """Store a link and queue its scan; the worker fetches the audio.

    Raise ``IntakeRefused`` if the link itself shows that it may not be fetched; a name
    that resolves to a private address is refused on fetching. Raise ``LinkSeen`` if the
    container already holds the link, unless ``scan_again``.
    """
    url = checked_link(url)
    # Its size is not known yet; what earlier links have brought counts.
    refuse_over_day(user, 0)
    key = link_key(url)
    file = ScannedFile(
        container=container,
        link_key=key,
        name=display_name(name, otherwise="") or link_name(url),
        source_type=SourceType.LINK,
        source_url=url,
        uploaded_by=user,
        **details,
    )
    # Lock the link so that concurrent submissions see each other's file.
    with one_at_a_time(f"link:{container.pk}:{key}"):
        earlier = None if scan_again else file_of_link(container=container, key=key)
        if earlier is not None:
            raise LinkSeen(earlier)
        _take_in(file, user, waited_for=waited_for)
    return file


def address_of(details: Details) -> tuple[str, str]:
    """Return the address among details with its key; raise ``IntakeRefused`` if it is none."""
    if not details.get("source_url", "").strip():
        return "", ""
    url = checked_link(details["source_url"])
    return url, link_key(url)


def checked_link(text: str) -> str:
    """Return a link as it is stored; raise ``IntakeRefused`` if it is none."""
    url = text.strip()
    try:
        check_link(url)
    except LinkRefused as error:
        raise IntakeRefused(
            "link_refused", _("This link is not allowed: %(error)s.") % {"error": error}
        ) from error
    if len(url) > 2000:
        raise IntakeRefused("link_refused", _("This link is longer than 2,000 characters."))
    return url


def file_of_link(*, container: Container, key: str) -> ScannedFile | None:
    """Return the newest file of the container with this link."""
    rows = ScannedFile.objects.present().filter(container=container, link_key=key)
    return rows.order_by("-pk").first()


def attach_audio(*, scanned_file: ScannedFile, upload: File[bytes], user: User) -> None:
    """Store audio for a file that has none, and scan it."""
    waits = scanned_file.status in {FileStatus.NEEDS_AUDIO, FileStatus.ERROR}
    if not (waits or scanned_file.lacks_sound):
        raise IntakeRefused(
            "not_waiting_for_audio",
            _("%(name)s is not waiting for audio. Reload to see its state.")
            % {"name": scanned_file.name},
            status=409,
        )
    if scanned_file.source_type == SourceType.STREAM:
        raise IntakeRefused(
            "no_audio_for_hours",
            _("%(name)s is an hour of a stream; upload the audio as a file of its own.")
            % {"name": scanned_file.name},
        )
    check_size(display_name(upload.name or "", otherwise="upload"), upload.size)
    refuse_over_day(user, upload.size)
    key = scanned_file.uid.hex
    renditions = scanned_file.other_tracks.values_list("proxy", flat=True)
    earlier = [str(path) for path in (scanned_file.media, scanned_file.proxy, *renditions)]
    stored = keep_file(upload, f"files/{key[:2]}/{key}")
    scanned_file.take_audio(stored)
    scanned_file.fingerprint = scanned_file.waveform = scanned_file.proxy = ""
    derived = ("fingerprint", "waveform", "proxy")
    try:
        with transaction.atomic():
            scanned_file.save(update_fields=[*AUDIO_FIELDS, *derived])
            scanned_file.other_tracks.all().delete()
            base.audit.services.record(
                case=f"file:{scanned_file.uid}",
                action="file.audio_attached",
                actor=user,
                after={"sha256": scanned_file.sha256},
            )
            request_scan(scanned_file=scanned_file, user=user, waited_for=True)
    except IntakeRefused:
        default_storage.delete(stored.name)
        raise
    # Nothing refers to the earlier audio any more.
    for name in filter(None, earlier):
        default_storage.delete(name)


def check_size(name: str, size_bytes: int) -> None:
    """Raise ``IntakeRefused`` for an empty or oversized file."""
    if size_bytes == 0:
        raise IntakeRefused(
            "empty_file", _("%(name)s is empty (0 bytes). Nothing was scanned.") % {"name": name}
        )
    if size_bytes > settings.ACRPORTAL_MAX_FILE_BYTES:
        raise IntakeRefused("file_too_large", too_large_message(name, size_bytes), status=413)


def file_of_bytes(container: Container, sha256: str) -> ScannedFile | None:
    """Return the container's first file with these bytes."""
    rows = ScannedFile.objects.present().filter(container=container, sha256=sha256)
    return rows.order_by("id").first()


def _take_in(file: ScannedFile, user: User | None, *, waited_for: bool = False) -> None:
    """Save a new file, and queue its scan."""
    file.save()
    _record_intake(file, user)
    request_scan(scanned_file=file, user=user, waited_for=waited_for)


def _record_intake(file: ScannedFile, user: User | None) -> None:
    base.audit.services.record(
        case=f"file:{file.uid}",
        action="file.submitted",
        actor=user or base.audit.services.SYSTEM,
        after={
            "name": file.name,
            "container": file.container_id,
            "sha256": file.sha256,
            "url": file.source_url,
        },
    )

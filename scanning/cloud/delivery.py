"""Sends one file to the cloud, as audio, link or fingerprint, only once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from scanning.choices import SourceType
from scanning.engines.acrcloud import Cloud, RemoteFile
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import ScanFailed
from scanning.models import CloudJob, ScannedFile, SentAs

_MEDIA_SUFFIXES = frozenset(
    [
        ".aac",
        ".aif",
        ".aiff",
        ".flac",
        ".m4a",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp2",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".wav",
        ".webm",
        ".wma",
    ]
)
_PROCESSING = 0


@dataclass(frozen=True, slots=True)
class SentFile:
    """The cloud's id of the file and the form in which it was sent."""

    remote_id: str
    sent_as: SentAs


def deliver(job: CloudJob, *, progress: Callable[[float], None]) -> SentFile:
    """Have the cloud rescan its copy, or send the file; raise ``CloudFault``.

    A retry first checks whether the earlier attempt arrived after all.
    """
    cloud, file = Cloud(job.account), job.scan.scanned_file
    if file.remote_id and _rescan(cloud, job):
        return SentFile(file.remote_id, SentAs.RESCAN)
    sent_as = _form_of(file)
    if job.attempts > 1:
        arrived = _arrived(cloud, job)
        if arrived is not None:
            return SentFile(arrived.id, sent_as)
    return SentFile(_send(cloud, job, sent_as, progress).id, sent_as)


def _rescan(cloud: Cloud, job: CloudJob) -> bool:
    """Have the cloud rescan its copy; False if the copy is gone."""
    remote_id = job.scan.scanned_file.remote_id
    try:
        if job.attempts > 1:
            there = cloud.show_file(job.remote_container_id, remote_id)
            if there.state == _PROCESSING:
                return True
        cloud.rescan_file(job.remote_container_id, remote_id)
    except CloudFault as fault:
        if fault.kind is FaultKind.GONE:
            return False
        raise
    return True


def _arrived(cloud: Cloud, job: CloudJob) -> RemoteFile | None:
    """Return the file of an earlier attempt, recognised by the scan id in its name."""
    found = cloud.list_files(job.remote_container_id, search=job.scan.uid)
    return next((one for one in found if job.scan.uid in one.name), None)


def _send(
    cloud: Cloud, job: CloudJob, sent_as: SentAs, progress: Callable[[float], None]
) -> RemoteFile:
    file = job.scan.scanned_file
    fields = {"data_type": sent_as.value, "name": f"{file.name[:200]} [{job.scan.uid}]"}
    if sent_as in (SentAs.AUDIO_URL, SentAs.PLATFORMS):
        return cloud.send_link(
            job.remote_container_id,
            fields=fields | {"url": file.source_url},
            key=job.scan.uid,
        )
    stored = file.media or file.fingerprint
    try:
        opened = stored.open("rb")
    except FileNotFoundError as error:
        raise _not_stored(file) from error
    with opened as handle:
        return cloud.send_file(
            job.remote_container_id,
            # Django's file objects read like binary files but have no such type.
            file=cast("BinaryIO", handle),
            file_bytes=stored.size,
            fields=fields,
            key=job.scan.uid,
            progress=progress,
        )


def _form_of(file: ScannedFile) -> SentAs:
    """Return the form to send: audio if it is here, else the link or fingerprint."""
    if file.media:
        return SentAs.AUDIO
    if file.source_type == SourceType.LINK:
        suffix = PurePosixPath(urlsplit(file.source_url).path).suffix.lower()
        return SentAs.AUDIO_URL if suffix in _MEDIA_SUFFIXES else SentAs.PLATFORMS
    if file.source_type == SourceType.FINGERPRINT:
        return SentAs.FINGERPRINT
    raise _not_stored(file)


def _not_stored(file: ScannedFile) -> ScanFailed:
    return ScanFailed(
        "audio_removed",
        f"The audio of {file.name} is no longer stored, so it cannot be sent.",
    )

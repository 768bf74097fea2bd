"""Brings the audio behind a link: a media file directly, a platform page by yt-dlp."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.files import File

from common.http import (
    FetchFailed,
    LinkRefused,
    TooLarge,
    content_type_of,
    download,
)
from common.storage import display_name, keep_file, scratch_directory
from recognition.types import Progress
from scanning.errors import NeedsAudio, ScanFailed
from scanning.models import ScannedFile
from scanning.models.scanned_file import AUDIO_FIELDS
from scanning.signals import source_read
from scanning.sources import platform_page
from scanning.sources.link_faults import LinkFault, fault_of_status, sentence
from scanning.sources.platform_page import PageFailed

_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_OF_THE_PAGE = (
    *("name", "platform", "account", "external_id", "published_at", "platform_facts"),
)


def link_name(url: str) -> str:
    """Return what to call a link until its title is known: the last path part."""
    parts = urlsplit(url)
    last = unquote(PurePosixPath(parts.path).name)
    return display_name(last, otherwise=parts.hostname or url)


def fetch_link(file: ScannedFile, *, progress: Progress) -> None:
    """Store the audio behind ``file.source_url``, or raise why there is none.

    Raises ``NeedsAudio`` where the link is fine but gives no audio, ``ScanFailed``
    where the link must not or need not be tried again.
    """
    with scratch_directory() as folder:
        target = folder / "media"
        try:
            content_type = download(
                file.source_url,
                target,
                max_bytes=settings.ACRPORTAL_MAX_FILE_BYTES,
                progress=progress,
            )
            if _is_page(content_type):
                page = platform_page.fetch(file.source_url, folder, progress=progress)
                file.name = page.title or file.name
                file.platform = page.platform
                file.account = file.account or page.account
                file.external_id = file.external_id or page.external_id
                file.published_at = file.published_at or page.published_at
                file.platform_facts = page.facts
                target = page.path
        except LinkRefused as error:
            raise ScanFailed(
                "link_refused", f"This link is not allowed: {error}."
            ) from error
        except TooLarge as error:
            raise ScanFailed("file_too_large", too_large_message(file.name)) from error
        except PageFailed as error:
            raise NeedsAudio(str(error), error.kind) from error
        except FetchFailed as error:
            kind = fault_of_status(error.status)
            raise NeedsAudio(sentence(kind, str(error)), kind) from error
        with target.open("rb") as handle:
            stored = keep_file(File(handle), f"files/{file.uid.hex[:2]}/{file.uid.hex}")
    file.take_audio(stored)
    # Fetching takes long: what others wrote meanwhile stays.
    file.save(update_fields=[*_OF_THE_PAGE, *AUDIO_FIELDS])
    source_read.send(sender=ScannedFile, file=file)


def fault_of_link(url: str) -> LinkFault | None:
    """Look whether a link still leads to something, without fetching it.

    Returns what is wrong with it; None where nothing is.
    """
    try:
        if _is_page(content_type_of(url)):
            platform_page.look(url)
    except LinkRefused:
        return LinkFault.UNKNOWN
    except PageFailed as error:
        return error.kind
    except FetchFailed as error:
        return fault_of_status(error.status)
    return None


def _is_page(content_type: str) -> bool:
    return content_type.split(";")[0].strip().lower() in _PAGE_TYPES


def too_large_message(name: str, size_bytes: int | None = None) -> str:
    """Return the sentence for a file over the limit."""
    limit = f"{settings.ACRPORTAL_MAX_FILE_BYTES / 1024**3:g} GiB"
    size = "too large" if size_bytes is None else f"{size_bytes / 1024**3:.1f} GiB"
    return (
        f"{name} is {size}; the limit is {limit}. Split it or ask an admin to raise "
        "the limit."
    )

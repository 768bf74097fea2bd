"""Fetches the audio behind a link: media files directly, pages through yt-dlp."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from base.common.exchanges import FetchFailed, LinkRefused, LiveStream, TooLarge
from base.common.http import content_type_of
from base.common.media_links import PlaylistFound, download_media
from base.common.reading import read_number
from base.common.storage import display_name, keep_file, scratch_directory
from recognition.types import Progress
from scanning.errors import NeedsAudio, ScanFailed
from scanning.models import ScannedFile
from scanning.models.scanned_file import AUDIO_FIELDS
from scanning.sources import platform_page
from scanning.sources.link_faults import LinkFault, fault_of_status, sentence
from scanning.sources.link_keys import youtube_video
from scanning.sources.platform_page import PageFailed, PlatformAudio

# Sent with ``file`` after its metadata was read from the platform again.
source_read = Signal()

_FILE_NAME = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_PAGE_SUFFIXES = (".html", ".htm", ".php", ".asp", ".aspx", ".jsp")
# Query parameters that identify an item, and page names that need such a parameter.
_ITEM_PARAMETERS = ("v", "id", "video_id", "episode_id", "episode", "clip", "track")
_PAGES_OF_ITEMS = frozenset(
    {"watch", "video", "play", "player", "listen", "embed", "view", "index", "show"}
)
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_OF_THE_PAGE = ("name", "platform", "account", "external_id", "published_at", "platform_facts")


def link_name(url: str) -> str:
    """Return a name for a link until its title is known.

    This is the file name in the link, else the host with the item's identifier.
    """
    parts = urlsplit(url)
    host = (parts.hostname or url).removeprefix("www.").removeprefix("m.")
    last = unquote(PurePosixPath(parts.path).name)
    if _FILE_NAME.search(last) and not last.lower().endswith(_PAGE_SUFFIXES):
        return display_name(last, otherwise=host)
    video = youtube_video(url)
    if video:
        return display_name(f"youtube.com {video}", otherwise=host)
    query = dict(parse_qsl(parts.query))
    item = next((query[name] for name in _ITEM_PARAMETERS if query.get(name)), "")
    if not item and last.lower().removesuffix(".html") not in _PAGES_OF_ITEMS:
        item = last
    return display_name(f"{host} {item}".strip(), otherwise=host)


def fetch_link(file: ScannedFile, *, progress: Progress) -> None:
    """Store the audio behind ``file.source_url``.

    Raise ``NeedsAudio`` if the link gives no audio, so that a person can attach it, and
    ``ScanFailed`` if trying again cannot help.
    """
    page: PlatformAudio | None = None
    with scratch_directory() as folder:
        target = folder / "media"
        try:
            content_type = download_media(
                file.source_url,
                target,
                max_bytes=settings.ACRPORTAL_MAX_FILE_BYTES,
                progress=progress,
            )
            # A media type means that the file is already downloaded.
            if _is_page(content_type):
                page = platform_page.fetch(file.source_url, folder, progress=progress)
                target = page.path
        except LinkRefused as error:
            raise ScanFailed(
                "link_refused", _("This link is not allowed: %(error)s.") % {"error": error}
            ) from error
        except TooLarge as error:
            raise ScanFailed("file_too_large", too_large_message(file.name)) from error
        except PageFailed as error:
            raise NeedsAudio(str(error), error.kind) from error
        except FetchFailed as error:
            kind = _fault_of(error)
            raise NeedsAudio(sentence(kind, str(error)), kind) from error
        with target.open("rb") as handle:
            stored = keep_file(File(handle), f"files/{file.uid.hex[:2]}/{file.uid.hex}")
    file.take_audio(stored)
    with transaction.atomic():
        if page is not None:
            _describe(file, page)
        # Fetching takes long; write only these columns to keep what others changed.
        written = [*(_OF_THE_PAGE if page is not None else ()), *AUDIO_FIELDS]
        file.save(update_fields=written)
    source_read.send(sender=ScannedFile, file=file)


def _describe(file: ScannedFile, page: PlatformAudio) -> None:
    """Set the details that a page gives; what people entered outranks the platform."""
    # Somebody may have entered them while the page was read.
    now = ScannedFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    file.name = page.title or file.name
    file.platform = page.platform
    file.account = now.account or page.account
    file.external_id = now.external_id or page.external_id
    file.published_at = now.published_at or page.published_at
    file.platform_facts = page.facts


def fault_of_link(url: str) -> LinkFault | None:
    """Check a link without fetching the audio; return its fault, or None."""
    try:
        if _is_page(content_type_of(url)):
            platform_page.look(url)
    except LinkRefused:
        return LinkFault.UNKNOWN
    except TooLarge:
        # A page that is too large to read still exists.
        return None
    except PageFailed as error:
        return error.kind
    except FetchFailed as error:
        return _fault_of(error)
    return None


def _fault_of(error: FetchFailed) -> LinkFault:
    if isinstance(error, LiveStream):
        return LinkFault.LIVE
    if isinstance(error, PlaylistFound):
        return LinkFault.UNSUPPORTED
    return fault_of_status(error.status)


def _is_page(content_type: str) -> bool:
    return content_type.split(";")[0].strip().lower() in _PAGE_TYPES


def too_large_message(name: str, size_bytes: int | None = None) -> str:
    """Return the message for a file above the size limit."""
    limit = f"{settings.ACRPORTAL_MAX_FILE_BYTES / 1024**3:g} GiB"
    size = (
        _("too large")
        if size_bytes is None
        else f"{read_number(size_bytes / 1024**3, decimals=1)} GiB"
    )
    return _(
        "%(name)s is %(size)s; the limit is %(limit)s. Split it or ask an admin to raise the limit."
    ) % {"name": name, "size": size, "limit": limit}

"""Removes audio that the settings no longer keep; results and evidence stay.

Callbacks whose files never came are deleted, too.

Fingerprint, waveform, metadata and hash remain, so a file can be scanned again without
its audio. The bytes go before the row is updated: if a worker dies in between, the
next run repeats the removal.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet

import base.audit.services
from base.accounts.models import User
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    CallbackOutcome,
    FileStatus,
    KeepAudio,
    SourceType,
)
from scanning.models import Container, InboundCallback, ScannedFile

logger = logging.getLogger(__name__)

# Bounds the time of a run; the next one follows after a minute.
_PER_RUN = 200
_SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)


def remove_due() -> int:
    """Remove the audio that is due; return how many files lost some."""
    count = 0
    for container in Container.objects.all():
        for rows, original_only in _due(container, datetime.now(tz=UTC)):
            for key in rows.values_list("pk", flat=True)[: _PER_RUN - count]:
                count += _remove(key, original_only=original_only)
    return count


def forget_callbacks() -> int:
    """Delete the callbacks whose file never came; return how many."""
    forgotten, _details = callbacks_past_their_time(by=datetime.now(tz=UTC)).delete()
    if forgotten:
        logger.warning("deleted %d callbacks whose files never came", forgotten)
    return forgotten


def callbacks_past_their_time(*, by: datetime) -> QuerySet[InboundCallback]:
    """Return the callbacks to delete at ``by`` because their file never came."""
    return InboundCallback.objects.filter(
        # Earlier releases refused such callbacks but kept them.
        outcome__in=[CallbackOutcome.ORPHAN, CallbackOutcome.REFUSED],
        scanned_file=None,
        received_at__lt=by - timedelta(days=settings.ACRPORTAL_ORPHAN_DAYS),
    )


def losing_audio(*, container: Container, by: datetime) -> QuerySet[ScannedFile]:
    """Return the files that will lose audio by ``by`` under the current settings."""
    rules = [rows.order_by() for rows, _ in _due(container, by)]
    return reduce(or_, rules, ScannedFile.objects.none())


def days_kept(container: Container) -> int:
    """Return after how many days audio is removed; 0 means never."""
    days: int = container.audio_days or settings.ACRPORTAL_AUDIO_DAYS
    return days


def remove_audio(*, scanned_file: ScannedFile, user: User, reason: str) -> bool:
    """Remove everything audible of a file; False while the file is being scanned."""
    return _remove(scanned_file.pk, original_only=False, user=user, reason=reason)


def _due(container: Container, by: datetime) -> list[tuple[QuerySet[ScannedFile], bool]]:
    """Pair each set of files due by ``by`` with whether their rendition stays."""
    files = ScannedFile.objects.filter(container=container).order_by("audio_at")
    has_media, has_proxy = ~Q(media=""), ~Q(proxy="")
    due: list[tuple[QuerySet[ScannedFile], bool]] = []
    for links, keeps in ((True, container.link_audio), (False, container.upload_audio)):
        kind = Q(source_type=SourceType.LINK)
        scanned = files.filter(kind if links else ~kind, status__in=_SCANNED)
        # The original may only go once the copy exists, or nothing could be played.
        if keeps == KeepAudio.COPY:
            due.append((scanned.filter(has_media, has_proxy), True))
        elif keeps == KeepAudio.NOTHING:
            due += [(scanned.filter(has_media), False), (scanned.filter(has_proxy), False)]
    # The age limit applies to unscanned files as well; _remove spares active ones.
    if days := days_kept(container):
        old = files.filter(audio_at__lt=by - timedelta(days=days))
        due += [(old.filter(has_media), False), (old.filter(has_proxy), False)]
    return due


def _remove(key: int, *, original_only: bool, user: User | None = None, reason: str = "") -> bool:
    file = ScannedFile.objects.get(pk=key)
    # An active scan still needs the audio; the next run tries again.
    if file.scans.filter(status__in=ACTIVE_SCAN_STATUSES).exists():
        return False
    columns = ("media",) if original_only else ("media", "proxy")
    tracks = file.other_tracks.none() if original_only else file.other_tracks.all()
    renditions = set(tracks.values_list("proxy", flat=True))
    gone = ({str(getattr(file, column)) for column in columns} | renditions) - {""}
    if not gone:
        return False
    # Outside the transaction, because object storage may be slow. A scan that begins
    # now fails for want of the audio; its next attempt finds the row below.
    for name in gone:
        default_storage.delete(name)
    with transaction.atomic():
        file = ScannedFile.objects.select_for_update().get(pk=key)
        for column in columns:
            # Other audio may have been attached meanwhile.
            if str(getattr(file, column)) in gone:
                setattr(file, column, "")
        tracks.filter(proxy__in=gone).update(proxy="")
        if not original_only and not file.media:
            file.audio_removed_at = datetime.now(tz=UTC)
        file.save(update_fields=[*columns, "audio_removed_at", "updated_at"])
        base.audit.services.record(
            case=f"file:{file.uid}",
            action="file.original_removed" if original_only else "file.audio_removed",
            actor=user or base.audit.services.SYSTEM,
            note=reason,
        )
    return True

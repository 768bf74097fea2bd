"""Adds a recording whose audio is an interval of a file."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.common.media_analysis import AudioRefused
from base.common.reading import read_clock, read_number
from base.common.storage import FileOnDisk, scratch_directory
from catalogue.models import Bucket, IntakeRule, Recording
from dedup.intake import add_recording
from scanning.excerpts import Excerpt, cut

CUT: Final = "recording.cut_from_file"
# Somebody waits for the answer meanwhile.
_MOST_MS: Final = 3_600_000


def add_from_file(
    *,
    excerpt: Excerpt,
    bucket: Bucket,
    details: Recording,
    user: User,
    answer: IntakeRule | None = None,
) -> Recording:
    """Add an interval of a file as a recording, as ``add_recording`` does.

    Raises ``AudioRefused``, and what ``add_recording`` raises.
    """
    _check_length(excerpt)
    file = excerpt.file

    def note_source(recording: Recording) -> None:
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action=CUT,
            actor=user,
            after={"file": str(file.uid), "start_ms": excerpt.start_ms, "end_ms": excerpt.end_ms},
        )

    with scratch_directory() as folder:
        target = folder / "range.flac"
        cut(excerpt, target)
        # The bucket may be seen by people who may not see the file, nor its name.
        name = details.title.replace("/", "-")
        with FileOnDisk(target, f"{name}.flac") as audio:
            return add_recording(
                bucket=bucket,
                details=details,
                audio=audio,
                user=user,
                answer=answer,
                also=note_source,
            )


def _check_length(excerpt: Excerpt) -> None:
    start_ms, end_ms = excerpt.start_ms, excerpt.end_ms
    if not excerpt.file.contains(start_ms, end_ms):
        raise AudioRefused(
            "bad_interval", _("Enter an interval within the file: its start comes before its end.")
        )
    least = settings.ACRPORTAL_MIN_AUDIO_MS
    if end_ms - start_ms < least:
        raise AudioRefused(
            "too_short",
            _("A recording needs at least %(seconds)s s of sound.")
            % {"seconds": read_number(least / 1000, decimals=1)},
        )
    if end_ms - start_ms > _MOST_MS:
        raise AudioRefused(
            "too_long",
            _("Choose at most %(length)s; upload longer recordings as files.")
            % {"length": read_clock(_MOST_MS)},
        )

"""Searches earlier files for a named item, and gives its recording the best copy's sound."""

from __future__ import annotations

from base.common.media_analysis import AudioRefused
from base.common.storage import FileOnDisk, scratch_directory
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from base.jobs.services import submit
from catalogue.changes import add_audio
from catalogue.models import Recording
from plugins.monitoring.unknown.jobs import CUT_AUDIO
from plugins.monitoring.unknown.models import ItemState, UnknownItem
from scanning.excerpts import Excerpt, cut
from scanning.services.retro import search_soon


def follow_up(*, recording: Recording, **_signal: object) -> None:
    """Search earlier files for a recording that was an unknown item, and give it sound.

    Called when it has become searchable.
    """
    for item in UnknownItem.objects.filter(recording=recording, state=ItemState.NAMED):
        search_soon(recording=recording)
        submit(CUT_AUDIO, item)


def run(context: JobContext) -> None:
    """Cut the best copy out of its file, without loss, where that is kept.

    Without audio the recording stays a fingerprint, which finds as much.
    """
    item: UnknownItem = context.subject
    recording = item.recording
    kept_file = item.best_file
    if recording is None or recording.audio or kept_file is None:
        return
    if not kept_file.scanned_file.media and not kept_file.scanned_file.proxy:
        return
    with scratch_directory() as folder:
        target = folder / "best-copy.flac"
        try:
            best = Excerpt(kept_file.scanned_file, item.best_start_ms, item.best_end_ms)
            cut(best, target, context.report)
            add_audio(recording=recording, audio=FileOnDisk(target, f"{item.uid}.flac"))
        except AudioRefused as error:
            raise Failed(error.code, str(error)) from error

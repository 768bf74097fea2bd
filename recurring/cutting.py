"""Searches earlier files for a named item, and gives its recording the best copy's sound."""

from __future__ import annotations

from catalogue.changes import add_audio
from catalogue.models import Recording
from common.media_analysis import AudioRefused, decode_limits
from common.storage import FileOnDisk, local_path, scratch_directory
from jobs.context import JobContext
from jobs.errors import Failed
from jobs.services import submit
from recognition.audio import media
from recognition.errors import RecognitionError
from recurring.jobs import CUT_AUDIO
from recurring.models import ItemState, UnknownItem
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
    kept = item.best_file
    if recording is None or recording.audio or kept is None:
        return
    audio = kept.scanned_file.media or kept.scanned_file.proxy
    if not audio:
        return
    with scratch_directory() as folder:
        target = folder / "best-copy.flac"
        try:
            with local_path(audio) as path:
                media.write_excerpts(
                    path,
                    [(target, item.best_start_ms, item.best_end_ms)],
                    limits=decode_limits(),
                    progress=context.report,
                )
            add_audio(recording=recording, audio=FileOnDisk(target, f"{item.uid}.flac"))
        except RecognitionError as error:
            raise Failed("not_cut", str(error)) from error
        except AudioRefused as error:
            raise Failed(error.code, str(error)) from error

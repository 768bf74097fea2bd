"""The work of a scan by the embedded engine: fetch, decode, match, store.

``scanning.results`` stores the outcome. The rendition of the file follows later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from base.common.media_analysis import AudioRefused, analyse, keep_rendition, write_rendition
from base.common.storage import replace_bytes
from base.jobs import clock, resources
from base.jobs.context import JobContext
from base.jobs.errors import Cancelled, Failed
from base.jobs.services import bring_forward, submit
from catalogue import partitions
from catalogue.index_log import left_after
from catalogue.selectors import given_up_among
from recognition.errors import IndexUnavailable, RecognitionError
from recognition.fingerprints import file_format as fingerprint_file
from recognition.relate.tracks import unsearched
from scanning import partition_scans, results
from scanning.choices import ACTIVE_SCAN_STATUSES, FileStatus, ScanStage, SourceType
from scanning.cloud_jobs import CLOUD_SCAN
from scanning.engines import embedded
from scanning.engines.base import EngineResult
from scanning.errors import ScanFailed
from scanning.fingerprints import Sound, stored_sound
from scanning.jobs import RENDITION
from scanning.models import FileTrack, Scan, ScannedFile
from scanning.parts import surroundings_of
from scanning.sources.links import fetch_link

_LAYERS = frozenset({"reference", "scan"})
# Where each stage begins and ends on the progress bar.
_STAGE_SPANS: dict[ScanStage, tuple[float, float]] = {
    ScanStage.FETCHING: (0.0, 0.3),
    ScanStage.FINGERPRINTING: (0.3, 0.7),
    ScanStage.MATCHING: (0.7, 0.99),
}


def run(context: JobContext) -> None:
    """Scan one file and store the result."""
    scan: Scan = context.subject
    if scan.status not in ACTIVE_SCAN_STATUSES:
        return
    file = scan.scanned_file
    context.write(started_at=datetime.now(tz=UTC))
    ScannedFile.objects.filter(pk=file.pk).update(
        status=FileStatus.PROCESSING, error_code="", message=""
    )
    try:
        result = _recognise(scan, context)
    except (AudioRefused, ScanFailed) as error:
        raise Failed(error.code, str(error)) from error
    except IndexUnavailable:
        # The runner tries again once the index is back.
        raise
    except RecognitionError as error:
        raise Failed("engine_error", f"{file.name}: {error}") from error
    with transaction.atomic():
        if _is_outdated(result):
            # The next search finds what it hid, and describes unmatched intervals.
            context.wait_until(clock.now(), _("A recording was retired during the search."))
        results.store_result(scan=scan, result=result)
        submit(RENDITION, file)
        # Last, so that a worker that lost the job stores nothing.
        context.finish()


def _recognise(scan: Scan, context: JobContext) -> EngineResult:
    """Return what the buckets hold of the file's sound, in times of the file."""
    file = scan.scanned_file
    sound = _sound_of(file, context)
    around = surroundings_of(file)
    if around is not None:
        sound = replace(sound, main=around.widen(sound.main), is_widened=True)
    names = embedded.names_of_buckets(file.container, scan.also_buckets.present())
    buckets, policy = list(names), embedded.scan_policy(file.container)
    progress = _reporter(context, ScanStage.MATCHING)
    if partitions.are_all_held():
        matched, state = embedded.search(sound, buckets, policy, progress)
    else:
        matched, state = partition_scans.search(scan, sound, buckets, policy)
    result = embedded.engine_result(file.container, names, matched, state)
    if around is not None:
        result = around.trim(result)
    # Damage found while decoding belongs to the result as well.
    unread = unsearched(file.tracks, (number for number, _sound in sound.tracks))
    return replace(result, warnings=(*file.damage, *unread, *result.warnings))


def _sound_of(file: ScannedFile, context: JobContext) -> Sound:
    """Return the stored fingerprints of the file, or make and store them."""
    sound = stored_sound(file)
    if sound is not None:
        return sound
    if file.source_type == SourceType.FINGERPRINT:
        raise ScanFailed(
            "bad_fingerprint",
            _(
                "%(name)s was fingerprinted with another engine version "
                "and has no audio. Make a new fingerprint from the audio "
                "and upload it."
            )
            % {"name": file.name},
        )
    if file.source_type == SourceType.STREAM:
        # Its audio is silent except around matches.
        raise ScanFailed(
            "bad_fingerprint",
            _(
                "%(name)s was recorded with another engine version, and not all of its "
                "sound is kept, so it cannot be searched again."
            )
            % {"name": file.name},
        )
    if not file.media:
        _bring_audio(file, context)
    made = analyse(
        file.media,
        name=file.name,
        folder="scans",
        key=file.uid.hex,
        layers=_LAYERS,
        progress=_reporter(context, ScanStage.FINGERPRINTING),
    )
    # Before the main one, which says that all are there.
    for number, track in made.other_tracks:
        name = f"scans/{file.uid.hex[:2]}/{file.uid.hex}.track{number}.acrfp"
        file.other_tracks.update_or_create(
            number=number,
            defaults={"fingerprint": replace_bytes(name, fingerprint_file.to_bytes(track))},
        )
    file.undecoded_ms = made.facts["undecoded_ms"]
    file.length_ms = made.duration_ms + file.undecoded_ms
    file.facts = made.facts | {"warnings": list(made.warnings)}
    file.fingerprint = made.fingerprint_name
    file.waveform = made.waveform_name
    file.save(update_fields=[*("length_ms", "undecoded_ms", "facts", "fingerprint", "waveform")])
    if file.container.cloud_account_id is not None:
        # A scan by another portal may wait for the fingerprint.
        bring_forward(CLOUD_SCAN, file.scans.all())
    return Sound(made.fingerprint, made.other_tracks)


def _bring_audio(file: ScannedFile, context: JobContext) -> None:
    """Fetch the audio of a link; removed audio of an upload cannot come back."""
    if file.source_type != SourceType.LINK:
        raise ScanFailed(
            "audio_removed",
            _(
                "The audio of %(name)s was removed, and its fingerprint "
                "comes from another engine version. Upload it again."
            )
            % {"name": file.name},
        )
    resources.require_outside()
    fetch_link(file, progress=_reporter(context, ScanStage.FETCHING))
    file.refresh_from_db()


def _is_outdated(result: EngineResult) -> bool:
    """Return whether a detected recording was retired after the index was searched."""
    gone = given_up_among(entry.recording_id for entry in result.found)
    return bool(gone) and left_after(result.catalogue_state or 0, gone)


def _reporter(context: JobContext, stage: ScanStage) -> Callable[[float], None]:
    """Return a callback that takes a stage's progress from 0 to 1."""
    begin, end = _STAGE_SPANS[stage]

    def report(share: float) -> None:
        context.report(begin + (end - begin) * min(1.0, max(0.0, share)), stage)

    # Report at once, because the previous stage may have taken long.
    report(0.0)
    return report


def make_fingerprint(context: JobContext) -> None:
    """Make the fingerprint of one file, for a portal that scans it instead of audio."""
    file: ScannedFile = context.subject
    if file.deleted_at is not None:
        raise Cancelled
    try:
        _sound_of(file, context)
    except (AudioRefused, ScanFailed) as error:
        raise Failed(error.code, str(error)) from error
    with transaction.atomic():
        # Another scan may have made it before this job began.
        bring_forward(CLOUD_SCAN, file.scans.all())
        context.finish()


def make_rendition(context: JobContext) -> None:
    """Make and keep the rendition of one file, unless it is there."""
    file: ScannedFile = context.subject
    if not file.media:
        return
    if not file.proxy:
        name = write_rendition(file.media, folder="proxies", key=file.uid.hex)
        same_audio = ScannedFile.objects.filter(pk=file.pk, media=file.media.name)
        keep_rendition(name, same_audio)
    for track in file.other_tracks.filter(proxy=""):
        name = write_rendition(file.media, folder="proxies", key=file.uid.hex, track=track.number)
        same_track = FileTrack.objects.filter(pk=track.pk, scanned_file__media=file.media.name)
        keep_rendition(name, same_track)

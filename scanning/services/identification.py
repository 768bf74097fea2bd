"""Identifies short clips, storing nothing of them, and makes the key pairs for that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from base.common.last_use import note_use
from base.common.media_analysis import analyse_upload, decode_limits, refusal
from catalogue import partitions
from catalogue.models import Bucket, Recording
from recognition.errors import RecognitionError
from recognition.relate.tracks import scan_tracks
from scanning import partition_scans
from scanning.engines import embedded
from scanning.engines.base import FoundRecording
from scanning.fingerprints import Sound
from scanning.models import Project

# Clips last seconds; refuse anything that cannot be one.
_MAX_CLIP_MS = 30 * 60_000
_MIN_CLIP_MS = 1_000


def find_project(access_key: str) -> Project | None:
    """Return the project with this access key, unless it was revoked."""
    project = Project.objects.filter(access_key=access_key, revoked_at__isnull=True).first()
    if project is not None:
        note_use(Project.objects.filter(pk=project.pk), project.last_used_at)
    return project


def identify(*, project: Project, sample: File[bytes]) -> list[tuple[Recording, FoundRecording]]:
    """Return the recordings in a clip, best first.

    Raise ``AudioRefused`` if the clip gives no fingerprint.
    """
    bucket_ids = list(project.buckets.present().values_list("pk", flat=True))
    detected = search_clip(bucket_ids, _sound_of(sample))
    recordings = Recording.objects.in_bulk([entry.recording_id for entry in detected])
    return [
        (recordings[entry.recording_id], entry)
        for entry in detected
        if entry.recording_id in recordings
    ]


def search_clip(bucket_ids: Sequence[int], sound: Sound) -> list[FoundRecording]:
    """Return the recordings in a clip, best first.

    Raises ``IndexUnavailable`` if the index, or a partition of it, does not answer.
    """
    if partitions.are_all_held():
        result, _state = embedded.search(sound, bucket_ids)
    else:
        ask = partial(partition_scans.identify_clip, buckets=bucket_ids)
        result = scan_tracks(sound.main, sound.tracks, ask)
    return embedded.best_first(result)


def _sound_of(sample: File[bytes]) -> Sound:
    limits = replace(decode_limits(), min_duration_ms=_MIN_CLIP_MS, max_duration_ms=_MAX_CLIP_MS)
    if looks_like_fingerprint(sample):
        return Sound(read_fingerprint(sample, needs_scan_layer=True, limits=limits))
    try:
        made = analyse_upload(sample, layer="scan", limits=limits)
    except RecognitionError as error:
        raise refusal(error, _("The sample")) from error
    return Sound(made.fingerprint, made.other_tracks)


def create_project(*, name: str, buckets: Iterable[Bucket], user: User | None) -> Project:
    """Create a project with a new key pair."""
    with transaction.atomic():
        project = Project.objects.create(name=name, created_by=user)
        project.buckets.set(buckets)
        base.audit.services.record(
            case=f"project:{project.uid}",
            action="project.created",
            actor=user or base.audit.services.SYSTEM,
            after={
                "name": name,
                "access_key": project.access_key,
                "buckets": sorted(project.buckets.values_list("pk", flat=True)),
            },
        )
    return project


def revoke_project(*, project: Project, user: User | None) -> None:
    """Revoke a key pair at once; revoking it again changes nothing."""
    with transaction.atomic():
        ended = Project.objects.filter(pk=project.pk, revoked_at__isnull=True).update(
            revoked_at=datetime.now(tz=UTC)
        )
        if ended:
            base.audit.services.record(
                case=f"project:{project.uid}",
                action="project.revoked",
                actor=user or base.audit.services.SYSTEM,
            )

"""Rows of the catalogue: duplicates, audio."""

from __future__ import annotations

from django.urls import reverse

from base.accounts.models import User
from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus
from dedup.models import DuplicateKind, LoopPlace, PairLink, SharedLoop
from dedup.services import find_duplicates
from imports.models import AudioImport, ImportStatus


def add_duplicates() -> None:
    """Make two copies of a file, two overlapping recordings and a shared loop of three."""
    heard = Recording.objects.filter(duration_ms__gt=20_000).order_by("pk")
    first, second, third = heard[:3]
    copies = Bucket.objects.create(name="Second delivery")
    for number in (1, 2):
        Recording.objects.create(
            bucket=copies,
            title="Night Drive",
            artists=["A. Example"],
            custom_id=f"AGAIN-{number}",
            status=RecordingStatus.READY,
            isrc_status=CodeStatus.MISSING,
            duration_ms=180_000,
            audio_sha256="ef" * 32,
            audio_bytes=1,
        )
    find_duplicates(bucket=copies)
    PairLink.objects.create(
        one=first,
        other=second,
        kind=DuplicateKind.OVERLAP,
        runs=[[2_000, 12_000, 8_000, 18_000, 1.0, 0.0, 100.0]],
        coverage_one=0.3,
        coverage_other=0.3,
        audio_one=first.audio_sha256,
        audio_other=second.audio_sha256,
    )
    loop = SharedLoop.objects.create(length_ms=8_000)
    for recording in (first, second, third):
        LoopPlace.objects.create(loop=loop, recording=recording, start_ms=1_000, end_ms=9_000)


def add_audio(user: User) -> str:
    """Make an import of audio that was checked, and return its page."""
    recording = Recording.objects.order_by("pk")[0]
    import_ = AudioImport.objects.create(
        bucket=recording.bucket,
        file_name="masters.zip",
        status=ImportStatus.CHECKED,
        made_by=user,
        summary={
            "files": 3,
            "paired": 1,
            "refused": 2,
            "still_waiting": 4,
            "pairs": [
                {
                    "file": "a/night-drive.wav",
                    "uid": recording.uid,
                    "title": recording.title,
                    "rule": "custom_id",
                    "differs": True,
                }
            ],
            "faults": [
                {
                    "file": "b/intro.wav",
                    "code": "move_two_candidates",
                    "message": "Several fit. Give the audio on the page of the right recording.",
                    "candidates": [{"uid": recording.uid, "title": recording.title}],
                },
                {
                    "file": "cover.jpg",
                    "code": "move_no_sound",
                    "message": "It holds no sound that can be read.",
                    "candidates": [],
                },
            ],
        },
    )
    return reverse("portal:audio_import_detail", args=[import_.uid])

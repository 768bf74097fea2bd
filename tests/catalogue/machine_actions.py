"""What the test of several machines has one of them do, in a process of its own.

``machine_actions PREFIX work`` runs a worker. ``machine_actions PREFIX answer`` reads
an action and its words from each line of its input, as JSON, and answers with a line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django
import numpy as np

TUNES = 4


def main() -> None:
    """Work, or answer, until told to stop."""
    prefix, role = sys.argv[1:]
    django.setup()
    from django.core.management import call_command

    from base.jobs import broker

    broker.PREFIX = prefix
    if role == "work":
        call_command("worker")
    else:
        for line in sys.stdin:
            action, *words = json.loads(line)
            print(json.dumps(_ACTIONS[action](*words)), flush=True)  # noqa: T201 - the test reads it


def prepare() -> None:
    """Make the bucket of the storage, and a catalogue to fingerprint."""
    import boto3
    from django.conf import settings

    from catalogue.services import create_bucket
    from scanning.models import Container

    options = settings.STORAGES["default"]["OPTIONS"]
    boto3.client(
        "s3",
        endpoint_url=options["endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    ).create_bucket(Bucket="media")
    bucket = create_bucket(name="Music")
    Container.objects.create(name="Programmes").buckets.add(bucket)
    for seed in range(1, TUNES + 1):
        add(seed)


def add(seed: int) -> None:
    from catalogue.models import Bucket, Recording
    from catalogue.services import add_recording
    from tests import audio
    from tests.fixtures import upload

    add_recording(
        bucket=Bucket.objects.get(name="Music"),
        details=Recording(title=f"Tune {seed}"),
        audio=upload("tune.wav", audio.wav_bytes(audio.tune(seed, 20))),
    )


def retire(title: str) -> None:
    from catalogue.changes import retire_recordings
    from catalogue.models import Recording

    retire_recordings(recordings=[Recording.objects.get(title=title)], user=None)


def submit(name: str, times: int) -> None:
    """Submit programmes with two tunes each, some times over."""
    from scanning.models import Container
    from scanning.services.intake import submit_upload
    from tests import audio
    from tests.fixtures import upload

    container = Container.objects.get()
    for number in range(times):
        seed = number % TUNES + 1
        sounds = [audio.tune(seed, 10), audio.tune(seed % TUNES + 1, 10)]
        submit_upload(
            container=container,
            upload=upload(f"{name}-{seed}-{number}.wav", audio.wav_bytes(np.concatenate(sounds))),
            user=None,
            scan_again=True,
        )


def state() -> dict[str, Any]:  # Any: JSON
    """Return recordings by status, scans with what they found, and lost work."""
    from collections import Counter

    from base.jobs.models import Job
    from catalogue import following
    from catalogue.models import Recording
    from scanning.models import Scan, Segment

    scans: dict[str, Any] = {}
    for scan in Scan.objects.select_related("scanned_file"):
        segments = Segment.objects.filter(detection__scan=scan).order_by(
            "detection__recording", "start_ms"
        )
        places = segments.values_list(
            "detection__recording__title",
            "start_ms",
            "end_ms",
            "reference_start_ms",
            "detection__score",
        )
        scans[scan.scanned_file.name] = {
            "status": scan.status,
            "state": scan.catalogue_state,
            "found": [[str(value) for value in row] for row in places],
        }
    return {
        "recordings": Counter(Recording.objects.values_list("status", flat=True)),
        "scans": scans,
        "waiting": list(Job.objects.filter(state="waiting").values_list("cause", flat=True)),
        "failed": list(Job.objects.filter(state="failed").values_list("cause")),
        "copies": {copy.folder: [copy.changes_behind, copy.stage] for copy in following.copies()},
    }


def identify(seed: int) -> list[list[str]]:
    """Return what is found in a clip of a tune."""
    from django.conf import settings

    from catalogue.models import Bucket, Recording
    from recognition.audio.analysis import analyse_file
    from scanning.fingerprints import Sound
    from scanning.services.identification import search_clip
    from tests import audio

    bucket = Bucket.objects.get(name="Music").pk
    path = settings.ACRPORTAL_DATA_DIR / "clip.wav"
    path.write_bytes(audio.wav_bytes(audio.tune(seed, 8)))
    clip = analyse_file(path, layers=frozenset({"scan"})).fingerprint
    detections = search_clip([bucket], Sound(clip))
    titles = Recording.objects.in_bulk([detection.recording_id for detection in detections])
    return [
        [titles[detection.recording_id].title, str(detection.score), str(detection.segments)]
        for detection in detections
    ]


def held(folder: str) -> dict[str, Any]:  # Any: JSON
    """Return what the copy in a folder holds, without following."""
    from catalogue import index_store
    from catalogue.models import Bucket

    index = index_store.open_folder(Path(folder))
    bucket = Bucket.objects.get(name="Music").pk
    return {
        "recordings": index.recordings(bucket).tolist(),
        "postings": index.stats(bucket).postings,
        "faults": index.verify(bucket),
    }


_ACTIONS: dict[str, Any] = {
    action.__name__: action for action in (prepare, add, retire, submit, state, identify, held)
}

if __name__ == "__main__":
    main()

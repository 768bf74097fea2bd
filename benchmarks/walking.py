"""Measures the walk through a programme of one hour with 20 waiting matches."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalogue.models import Recording
from review.models import Match
from review.services.folding import fold_scan
from scanning.choices import FileStatus, ScanStatus
from scanning.engines.embedded import SCORE_SCALE
from scanning.models import Container, Detection, Scan, ScannedFile, Segment

_CUES: Final = 20
_EVERY_MS: Final = 180_000


def measure(user: User, walks: int) -> dict[str, list[float]]:
    """Decide whole programmes as the page's script does; return ms of each request."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    taken: dict[str, list[float]] = {}
    for _walk in range(walks + 1):
        file = _make_programme()
        for match in file.matches.order_by("first_start_ms"):
            for name, step in _steps(client, file, match).items():
                begun = time.perf_counter()
                status = step()
                spent = 1000 * (time.perf_counter() - begun)
                taken.setdefault(name, []).append(spent)
                if status != HTTPStatus.OK:
                    raise SystemExit(f"{name} answered {status}")
    # The first walk loads templates and fills caches.
    return {name: times[_CUES:] for name, times in taken.items()}


def _steps(
    client: Client, file: ScannedFile, match: Match
) -> dict[str, Callable[[], int]]:
    """Return the requests that one row takes, in order."""
    here = reverse("portal:file_review", args=[file.uid])
    changes = reverse("portal:file_review_changes", args=[file.uid])
    preview = reverse("portal:match_preview", args=[match.uid])
    decide = reverse("portal:match_decide", args=[match.uid])
    query = f"?file={file.uid}&list={here}"
    decision = {"verb": "confirm", "version": match.version}
    return {
        "The walk's page": lambda: client.get(here).status_code,
        "Preview of a row": lambda: client.get(preview + query).status_code,
        "Confirm": lambda: (
            client.post(
                decide + query, decision, headers={"Accept": "application/json"}
            ).status_code
        ),
        "What changed since": lambda: (
            client.get(f"{changes}?rows={match.uid}:1").status_code
        ),
    }


@transaction.atomic
def _make_programme() -> ScannedFile:
    container = Container.objects.order_by("pk").first()
    assert container is not None
    file = ScannedFile.objects.create(
        container=container,
        name="walk.wav",
        programme="Long Evening",
        duration_ms=_CUES * _EVERY_MS,
        status=FileStatus.READY,
    )
    scan = Scan.objects.create(
        scanned_file=file,
        engine="embedded",
        engine_version="embedded/1",
        status=ScanStatus.SUCCEEDED,
    )
    for number, recording in enumerate(Recording.objects.order_by("pk")[:_CUES]):
        found = Detection.objects.create(
            scan=scan, recording=recording, score=90, score_scale=SCORE_SCALE
        )
        Segment.objects.create(
            detection=found,
            position=1,
            start_ms=number * _EVERY_MS + 1_000,
            end_ms=number * _EVERY_MS + 31_000,
            reference_start_ms=0,
            reference_end_ms=30_000,
        )
    fold_scan(scan=scan)
    assert Match.objects.filter(scanned_file=file).count() == _CUES
    return file

"""Measures a walk through programmes of one hour with 20 matches, and the queue's rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from base.accounts.models import User
from catalogue.models import Recording
from review.choices import MatchState
from review.models import Match
from review.services.folding import fold_scan
from scanning.choices import FileStatus, ScanStatus
from scanning.engines.embedded import SCORE_SCALE
from scanning.models import Container, Detection, Scan, ScannedFile, Segment

_CUES: Final = 20
_EVERY_MS: Final = 180_000

Step = Callable[[], int]
"""One request; its status."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request took, in ms."""

    clock: float
    processor: float


def measure(user: User, walks: int) -> dict[str, list[Spent]]:
    """Decide whole programmes as the page's script does, and as many in the queue."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    taken: dict[str, list[Spent]] = {}
    for _walk in range(walks + 1):
        file = _make_programme()
        waiting = Match.objects.filter(state=MatchState.PENDING).exclude(scanned_file=file)
        for match in file.matches.order_by("first_start_ms"):
            _take(taken, _steps_of_walk(client, file, match))
        for match in waiting.order_by("created_at")[:_CUES]:
            _take(taken, _steps_of_queue(client, match))
    # The first walk loads templates and fills caches.
    return {name: times[_CUES:] for name, times in taken.items()}


def _take(taken: dict[str, list[Spent]], steps: Mapping[str, Step]) -> None:
    for name, step in steps.items():
        clock, processor = time.perf_counter(), time.process_time()
        status = step()
        spent = Spent(
            1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - processor)
        )
        taken.setdefault(name, []).append(spent)
        if status != HTTPStatus.OK:
            raise SystemExit(f"{name} answered {status}")


def _steps_of_walk(client: Client, file: ScannedFile, match: Match) -> Mapping[str, Step]:
    here = reverse("portal:file_review", args=[file.uid])
    changes = reverse("portal:file_review_changes", args=[file.uid])
    steps = _steps(client, match, here, f"?file={file.uid}&list={here}", changes)
    return {f"Walk: {name}": step for name, step in steps.items()}


def _steps_of_queue(client: Client, match: Match) -> Mapping[str, Step]:
    here = f"{reverse('portal:queue')}?view=waiting"
    query = f"?{urlencode({'list': here})}"
    steps = _steps(client, match, here, query, reverse("portal:queue_changes"))
    return {f"Queue: {name}": step for name, step in steps.items()}


def _steps(client: Client, match: Match, here: str, query: str, changes: str) -> Mapping[str, Step]:
    """Return the requests that one row takes, in order."""
    preview = reverse("portal:match_preview", args=[match.uid])
    decide = reverse("portal:match_decide", args=[match.uid])
    decision = {"verb": "confirm", "version": match.version}
    return {
        "page": lambda: client.get(here).status_code,
        "preview of a row": lambda: client.get(preview + query).status_code,
        "confirm": lambda: (
            client.post(
                decide + query, decision, headers={"Accept": "application/json"}
            ).status_code
        ),
        "what changed since": lambda: client.get(f"{changes}?rows={match.uid}:1").status_code,
    }


@transaction.atomic
def _make_programme() -> ScannedFile:
    container = Container.objects.order_by("pk").first()
    assert container is not None
    file = ScannedFile.objects.create(
        container=container,
        name="walk.wav",
        programme="Long Evening",
        length_ms=_CUES * _EVERY_MS,
        status=FileStatus.READY,
    )
    scan = Scan.objects.create(
        scanned_file=file,
        engine="embedded",
        engine_version="embedded/1",
        status=ScanStatus.SUCCEEDED,
    )
    for number, recording in enumerate(Recording.objects.order_by("pk")[:_CUES]):
        detection = Detection.objects.create(
            scan=scan, recording=recording, score=90, score_scale=SCORE_SCALE
        )
        Segment.objects.create(
            detection=detection,
            position=1,
            start_ms=number * _EVERY_MS + 1_000,
            end_ms=number * _EVERY_MS + 31_000,
            reference_start_ms=0,
            reference_end_ms=30_000,
        )
    fold_scan(scan=scan)
    assert Match.objects.filter(scanned_file=file).count() == _CUES
    return file

"""What people of the season do with the sound of recordings, and what must hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from catalogue.models import Recording, RecordingStatus
from dedup import selectors
from recognition.search import match as engine
from recognition.types import ScanResult
from review.models import Match
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person


def replace_audio(person: Person, rng: random.Random) -> None:
    """Replace the audio of a recording by another tune, its own file again, or no sound."""
    recordings = list(Recording._base_manager.order_by("pk"))
    if not recordings:
        return
    recording = rng.choice(recordings)
    kind = rng.random()
    sent = samples.no_sound() if kind < 0.2 else samples.some_recording(rng)
    path = f"/catalogue/recordings/{recording.uid}/replace-audio/"
    person.fill_in(path, audio=sent)
    links = selectors.outdated_links(recording=recording)
    check(not links.exists(), f"{recording} has links to its former audio: {links}")


def retire_during_a_scan(person: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Have a file scanned, and retire a recording in it once the engine has searched.

    ``Records`` checks that the scan finds nothing of it.
    """
    matches = list(Match._base_manager.exclude(lost=True).order_by("pk"))
    if not matches:
        return
    match, search = rng.choice(matches), engine.scan
    work()
    person.fill_in(f"/files/{match.scanned_file.uid}/rescan/")
    path = f"/catalogue/recordings/{match.recording.uid}/delete/"

    def search_and_retire(*args: Any, **options: Any) -> ScanResult:
        result: ScanResult = search(*args, **options)
        if match.recording.pk in {segment.recording for segment in result.segments}:
            person.fill_in(path)
        return result

    with patch.object(engine, "scan", search_and_retire):
        work()


def recordings_hold() -> None:
    """Check that what can be searched has its sound, once all work is done."""
    for recording in Recording._base_manager.filter(status=RecordingStatus.READY):
        check(recording.fingerprint, f"{recording} is ready without a fingerprint")
    for recording in Recording._base_manager.filter(status=RecordingStatus.ERROR):
        check(recording.status_message, f"{recording} failed without a cause")

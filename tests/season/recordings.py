"""What people of the season do with the sound of recordings, and what must hold."""

from __future__ import annotations

import random

from catalogue.models import Recording, RecordingStatus
from dedup import selectors
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person


def replace_audio(person: Person, rng: random.Random) -> None:
    """Replace the audio of a recording by another tune, its own file again, or no sound."""
    found = list(Recording._base_manager.order_by("pk"))
    if not found:
        return
    recording = rng.choice(found)
    kind = rng.random()
    sent = samples.no_sound() if kind < 0.2 else samples.some_recording(rng)
    path = f"/catalogue/recordings/{recording.uid}/replace-audio/"
    person.fill_in(path, audio=sent)
    left = selectors.outdated_links(recording=recording)
    check(not left.exists(), f"{recording} has links to its former audio: {left}")


def recordings_hold() -> None:
    """Check that what can be searched has its sound, once all work is done."""
    for recording in Recording._base_manager.filter(status=RecordingStatus.READY):
        check(recording.fingerprint, f"{recording} is ready without a fingerprint")
    for recording in Recording._base_manager.filter(status=RecordingStatus.ERROR):
        check(recording.status_message, f"{recording} failed without a cause")

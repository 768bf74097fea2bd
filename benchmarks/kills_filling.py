"""The installation to kill: references to match, and copies to merge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests import audio
from tests.audio import Samples

_REFERENCE_SECONDS = 30.0
_COPY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class World:
    """The objects that exist before the first kill."""

    username: str
    container: int
    bucket: int
    sounds: list[Samples]
    """What the container's files are clips of."""
    dropped: Path
    """The folder from which files are taken."""


def fill(*, references: int, copies: int, dropped: Path) -> World:
    """Make a catalogue with references, and pairs of recordings with the same sound."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command

    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from catalogue.models import IntakeRule, Recording
    from catalogue.services import add_recording, create_bucket
    from dedup.services import find_duplicates
    from scanning.choices import DropInterval
    from scanning.drops.services import create_drop
    from scanning.models import Container, Drop

    call_command("migrate", verbosity=0)
    user = create_user(username="somebody", password=None, role=Role.MANAGER)
    reference = create_bucket(name="Known", intake_rule=IntakeRule.IGNORE, user=user)
    doubled = create_bucket(name="Doubled", intake_rule=IntakeRule.IGNORE, user=user)
    container = Container.objects.create(name="Programmes")
    container.buckets.add(reference)
    sounds = [audio.tune(seed, _REFERENCE_SECONDS) for seed in range(references)]
    recordings = [(reference, f"Reference {n}", sound) for n, sound in enumerate(sounds)]
    for number in range(copies):
        sound = audio.tune(100_000 + number, _COPY_SECONDS)
        recordings += [(doubled, f"Copy {number} {side}", sound) for side in "ab"]
    for bucket, title, sound in recordings:
        add_recording(
            bucket=bucket,
            details=Recording(title=title),
            audio=SimpleUploadedFile("sound.wav", audio.wav_bytes(sound)),
            user=user,
        )
    call_command("worker", batch=True)
    find_duplicates(bucket=doubled)
    dropped.mkdir(parents=True)
    create_drop(
        drop=Drop(
            name="Incoming",
            place=str(dropped),
            container=container,
            every_seconds=DropInterval.QUARTER_MINUTE,
        ),
        user=user,
    )
    return World(user.username, container.pk, reference.pk, sounds, dropped)

"""Moves that are killed and repeated while people edit here and there end alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.db.models.signals import post_save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.audit.models import Event
from catalogue.changes import retire_recordings, update_recording
from catalogue.models import Recording, RecordingStatus
from dedup.models import TrackId
from plugins.moving.importing import account_reading
from plugins.moving.models import Moved, MovedKind, MoveIn, MoveParts
from plugins.moving.tests.account import (
    Json,
    bucket,
    bucket_file,
    container,
    dedup_file,
    scanned_file,
)
from plugins.moving.tests.conftest import Moving
from review.models import Match
from scanning.models import Container, ScannedFile

_SONGS = "buckets/8881/files"
_TRACKS = "buckets/8884/dedup-files"
_FILES = "fs-containers/77/files"
# More than one page: a move then reads the list a second time.
_BUCKETS = [
    bucket(8881, "Songs"),
    bucket(8882, "Idents"),
    bucket(8883, "Radio", type="Live"),
    bucket(8884, "Delivery", type="DedupFile"),
]

# Slow: each example moves an account several times.
pytestmark = pytest.mark.slow

STEPS = st.lists(
    st.tuples(
        # Numbers say after how many written objects a move is killed, or which recording.
        st.sampled_from(["move", "move", "edit here", "edit there", "add", "retire"]),
        st.integers(0, 12),
    ),
    min_size=3,
    max_size=10,
)


class Killed(BaseException):
    """The process that moves was killed."""


@dataclass
class Story:
    """What people did so far, and so what every recording must be called in the end."""

    moving: Moving
    move_in: MoveIn | None = None
    titles: dict[int, str] = field(default_factory=dict)
    mine: dict[int, str] = field(default_factory=dict)
    retired: set[int] = field(default_factory=set)
    written: int = 0

    def __post_init__(self) -> None:
        self.moving.there.most_per_page = 2
        self.moving.there.lists = {
            "buckets": _BUCKETS,
            _SONGS: [],
            "buckets/8882/files": [],
            "buckets/8883/channels": [],
            _TRACKS: [],
            "fs-containers": [container(77, "Uploads", _BUCKETS[:1])],
            _FILES: [],
        }
        for _ in range(3):
            self.add()

    def add(self) -> None:
        """Add a recording there, a file in which it was found, and a dedup file.

        Files and dedup files come first in their lists.
        """
        number = len(self.titles) + 1
        lists, song = self.moving.there.lists, bucket_file(number, f"Song {number}")
        self.titles[number] = song["title"]
        lists[_SONGS].append(song)
        track = dedup_file(1000 + number, f"T-{number}", f"U-{number}")
        lists[_TRACKS].insert(0, track)
        lists[_FILES].insert(0, scanned_file(number, song))

    def edit_there(self, number: int) -> None:
        self.written += 1
        song: Json = self.moving.there.lists[_SONGS][number % len(self.titles)]
        self.titles[song["id"]] = song["title"] = f"Theirs {self.written}"

    def change_here(self, number: int, *, retires: bool) -> None:
        """Rename or retire a recording that has come already."""
        key = number % len(self.titles) + 1
        rows = Recording.objects.filter(acr_id=_acr_id(key), bucket__name="Songs")
        row = rows.exclude(status=RecordingStatus.RETIRED).first()
        if row is None:
            return
        self.written += 1
        if retires:
            retire_recordings(recordings=[row], user=self.moving.admin)
            self.retired.add(key)
        else:
            self.mine[key] = f"Mine {self.written}"
            update_recording(
                recording=row, columns={"title": self.mine[key]}, user=self.moving.admin
            )

    def move(self, killed_after: int = 0) -> None:
        """Begin a move, or go on with the one that was killed."""
        if self.move_in is None:
            self.move_in = MoveIn.objects.create(
                account=self.moving.account,
                parts=[MoveParts.RECORDINGS, MoveParts.FILES],
                since=datetime.now(tz=UTC).date(),
                made_by=self.moving.admin,
            )
        # A worker reads the row anew.
        import_ = MoveIn.objects.get(pk=self.move_in.pk)
        with suppress(Killed), _killed_after(killed_after):
            counts = account_reading.run(import_, lambda: None, dry=False)["summary"]["counts"]
            self.move_in = None
            # Once each, however often their list was read.
            assert sum(counts[MovedKind.BUCKET].values()) == len(_BUCKETS)


@contextmanager
def _killed_after(objects: int) -> Iterator[None]:
    """Kill what runs after it has written so many objects, in the middle of a page."""
    objects_to_come = [objects]

    def count(**_options: Any) -> None:  # Any: a signal's arguments
        objects_to_come[0] -= 1
        if objects_to_come[0] == 0:
            raise Killed

    post_save.connect(count, sender=Moved)
    try:
        yield
    finally:
        post_save.disconnect(count, sender=Moved)


def _acr_id(number: int) -> str:
    return f"{number:032x}"


@given(steps=STEPS)
@settings(
    max_examples=2 if settings().derandomize else 50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_order_of_kills_repeats_and_edits_ends_alike(
    moving: Moving, steps: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        story = Story(moving)
        for step, number in steps:
            if step == "move":
                story.move(killed_after=number)
            elif step == "add":
                story.add()
            elif step == "edit there":
                story.edit_there(number)
            else:
                story.change_here(number, retires=step == "retire")
        # The one that was killed, and another one for what changed since.
        story.move()
        story.move()

        _check(story)
        before, rows = (Event.objects.count(), list(Moved.objects.order_by("pk").values()))
        story.move()
        assert Event.objects.count() == before
        assert list(Moved.objects.order_by("pk").values()) == rows
        transaction.set_rollback(True)


def _check(story: Story) -> None:
    """Check that everything came once, and is called what people called it last."""
    keys = story.titles.keys()
    kinds = Counter(Moved.objects.values_list("kind", flat=True))
    assert kinds == {
        MovedKind.BUCKET: len(_BUCKETS),
        MovedKind.RECORDING: len(keys),
        MovedKind.TRACK: len(keys),
        MovedKind.CONTAINER: 1,
        MovedKind.FILE: len(keys),
    }
    recordings = {row.acr_id: row for row in Recording.objects.select_related("bucket")}
    assert Recording.objects.count() == len(recordings) == 2 * len(keys)
    assert TrackId.objects.count() == 2 * len(keys)
    for key in keys - story.retired:
        row = recordings[_acr_id(key)]
        title = story.mine.get(key, story.titles[key])
        assert (row.title, row.custom_id) == (title, f"A-{key}")
        assert (row.bucket.name, row.status) == ("Songs", RecordingStatus.STUB)
    for key in story.retired:
        assert recordings[_acr_id(key)].status == RecordingStatus.RETIRED
    assert Container.objects.count() == 1
    assert ScannedFile.objects.count() == len(keys)
    live = Match.objects.all()
    matched = list(live.values_list("recording__acr_id", flat=True))
    assert len(matched) == len(set(matched))
    assert {_acr_id(key) for key in keys - story.retired} <= set(matched)

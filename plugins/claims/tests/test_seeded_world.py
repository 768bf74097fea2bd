"""A seeded world: 20 cases of each list among as many near misses, on 200 videos and more."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from catalogue.changes import retire_recordings
from catalogue.models import IndexEntry, Recording
from plugins.claims.choices import DiscrepancyKind, Meaning
from plugins.claims.models import Discrepancy, ReportedValue
from plugins.claims.tests.making import ASSET, DAY, REFERENCE, VIDEO, report, run_import
from plugins.claims.tests.test_lists import EARLY, claim, compare, heard, recording, video
from scanning.models import ScannedFile
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory

pytestmark = pytest.mark.django_db
CASES = 6
_SEARCHED = 1_000
LATE = datetime(2026, 11, 2, tzinfo=UTC)


class World:
    """Rows of reports, and what the lists must say of them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - draws test data
        self.numbers = itertools.count(1)
        self.positions = itertools.count(1)
        self.claims: list[dict[str, str]] = []
        self.videos: list[dict[str, str]] = []
        self.assets: dict[int, dict[str, str]] = {}
        self.references: list[dict[str, str]] = []
        self.expected: dict[str, list[str]] = {kind: [] for kind in DiscrepancyKind}

    def claim(self, number: int, **cells: str) -> None:
        self.claims.append(claim(number, **cells))

    def knows(self, number: int, **cells: str) -> None:
        """Have the platform know the recording with an active reference file."""
        row = {"asset_id": f"A{number}", "active_reference_id": f"R{number}"}
        isrc = {"your_isrc": f"GBAYE{number:07}"}
        self.assets[number] = row | isrc | cells

    def searches(self, number: int, *, late: bool) -> None:
        """Scan the video before or after the recording could be searched for."""
        row = recording(number)
        position = next(self.positions) + (_SEARCHED if late else 0)
        IndexEntry.objects.create(recording=row, position=position, is_held=True, bucket=row.bucket)
        ScanFactory.create(
            scanned_file=video(number),
            buckets=[{"id": row.bucket_id, "name": "b"}],
            catalogue_state=_SEARCHED,
        )


def not_claimed(world: World, number: int, *, hit: bool) -> None:
    state = world.rng.choice(["confirmed", "upheld"])
    misses = ["licensed", "early", "retired", "hidden", "pending", "claimed", "copy"]
    how = "hit" if hit else misses[number % len(misses)]
    if hit and number % 2:
        # A claim that ended, or one for another recording, is none.
        other_number = 70_000 + number
        ended = {"claim_status": "INACTIVE"}
        if number % 4 == 1:
            recording(other_number)
            world.knows(other_number)
            ended = {"asset_id": f"A{other_number}", "isrc": f"GBAYE{other_number:07}"}
        world.claim(number, **ended)
    world.knows(number)
    columns: dict[str, Any] = {"early": {"published_at": LATE}}.get(how, {})
    columns |= {"deleted_at": EARLY} if how == "hidden" else {}
    match = heard(number, "pending" if how == "pending" else state, **columns)
    if how == "licensed":
        make_licence(recordings=[match.recording])
    elif how == "retired":
        retire_recordings(recordings=[match.recording], user=None)
    elif how == "claimed":
        world.claim(number, claim_status="PENDING")
    elif how == "copy":
        copy = recording(50_000 + number, same_sound_as=match.recording)
        world.claim(number, isrc=copy.isrc, asset_id=f"A{50_000 + number}")
        world.knows(50_000 + number)
    if hit:
        world.expected["not_claimed"].append(f"video {number}")


def not_heard(world: World, number: int, *, hit: bool) -> None:
    world.knows(number)
    is_rejected = number % 2 == 0
    if is_rejected:
        heard(number, "rejected" if hit else "confirmed")
        world.claim(number)
    else:
        world.searches(number, late=not hit)
        world.claim(number)
    if hit:
        world.expected["not_heard"].append(f"c{number}")


def not_scanned(world: World, number: int, *, hit: bool) -> None:
    misses = [{"claim_status": "INACTIVE"}, {"claim_type": "VISUAL"}]
    world.claim(number, **({} if hit else misses[number % 2]))
    if hit:
        world.expected["not_scanned"].append(f"c{number}")


def by_others(world: World, number: int, *, hit: bool) -> None:
    if number % 2:
        owners = {"other_owners_claiming": "Somebody" if hit else "No"}
        world.videos.append({"video_id": f"own{number:08}", **owners})
        name = f"own{number:08}"
    else:
        recording(number)
        world.knows(number, conflicting_owner="Somebody" if hit else "")
        name = f"Song {number}"
    if hit:
        world.expected["by_others"].append(name)


def dispute_due(world: World, number: int, *, hit: bool) -> None:
    detail = "MADE_UP_OPEN" if hit else world.rng.choice(["MADE_UP_SHUT", ""])
    world.claim(number, claim_status="PENDING", claim_status_detail=detail)
    if hit:
        world.expected["dispute_due"].append(f"c{number}")


def against_licence(world: World, number: int, *, hit: bool) -> None:
    match = heard(number, "confirmed")
    world.knows(number)
    if hit or number % 2:
        terms: dict[str, Any] = {} if hit else {"valid_until": date(2026, 1, 1)}
        make_licence(recordings=[match.recording], **terms)
    world.claim(number)
    if hit:
        world.expected["against_licence"].append(f"c{number}")


def no_reference(world: World, number: int, *, hit: bool) -> None:
    way = number % 3
    row = recording(number, too_little_sound=not hit and way == 0)
    if way == 1:
        world.knows(number, active_reference_id="" if hit else "R")
    elif way == 2:
        world.knows(number, active_reference_id="R")
        world.references.append(
            {
                "reference_id": f"R{number}",
                "asset_id": f"A{number}",
                "excluded_perc": "80" if hit else "20",
            }
        )
    if hit:
        world.expected["no_reference"].append(row.title)


_MAKERS: tuple[Callable[..., None], ...] = (
    *(not_claimed, not_heard, not_scanned, by_others, dispute_due),
    *(against_licence, no_reference),
)


@pytest.mark.slow
def test_lists_are_exactly_the_seeded_cases() -> None:
    world = World(seed=55)
    order = [(make, hit) for make in _MAKERS for hit in (True, False) for _case in range(CASES)]
    world.rng.shuffle(order)
    for make, hit in order:
        make(world, next(world.numbers), hit=hit)
    for rows in (world.claims, world.videos, world.references):
        world.rng.shuffle(rows)
    run_import(report(world.claims))
    run_import(report(world.assets.values(), {**ASSET, "asset_type": "SOUND_RECORDING"}))
    run_import(report(world.references, REFERENCE))
    run_import(report(world.videos, VIDEO))
    for value in ReportedValue.objects.all():
        is_open = value.value == "MADE_UP_OPEN"
        value.meaning = Meaning.DISPUTED if is_open else Meaning.CLOSED
        value.save()

    lists = compare()

    assert {kind: len(names) for kind, names in world.expected.items()} == dict.fromkeys(
        DiscrepancyKind.values, CASES
    )
    assert lists == {kind: sorted(names) for kind, names in world.expected.items()}
    assert ScannedFile.objects.count() + len(world.claims) > 60
    before = set(Discrepancy.objects.values_list("pk", "basis", "state", "revision"))
    again = run_import(report(world.claims), day=DAY)
    compare()
    assert again.summary["unchanged"] == len(world.claims)
    after = set(Discrepancy.objects.values_list("pk", "basis", "state", "revision"))
    assert (after, Recording.objects.exists()) == (before, True)

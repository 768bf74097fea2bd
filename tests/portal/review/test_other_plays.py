"""Unknown sound that somebody names: its other plays in the file, by one act."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from recognition.fingerprints.file_format import to_bytes
from reports.models import CueEntry
from scanning.models import ScannedFile
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.recognition.synthesis import fingerprint_of, join, music, noise

pytestmark = pytest.mark.django_db

PLACES = [(10_000, 18_000), (30_000, 38_000), (60_000, 68_000)]


@pytest.fixture
def file() -> ScannedFile:
    """A minute of unknown sound with three plays of one tune, a few seconds apart."""
    tune = music(2, 8)
    heard = join(*(noise(1, 10, 0.1), tune, noise(2, 12, 0.1), tune, noise(3, 22, 0.1), tune))
    file = ScannedFileFactory.create(length_ms=68_000)
    file.fingerprint = default_storage.save(
        "fingerprints/tune.acrfp", ContentFile(to_bytes(fingerprint_of(heard)))
    )
    file.save()
    unmatched = [{"start_ms": 0, "end_ms": 68_000, "kind": "no_match"}]
    ScanFactory.create(scanned_file=file, unmatched=unmatched)
    return file


def named() -> list[tuple[int, int]]:
    rows = CueEntry.objects.filter(title="Hymn").order_by("start_ms")
    return [entry.interval for entry in rows]


def test_the_other_plays_are_shown_named_and_taken_back_together(
    client: Client, file: ScannedFile
) -> None:
    address = reverse("portal:file_range", args=[file.uid]) + "?start=30&end=38"
    fields = {"verb": "music", "title": "Hymn", "start": "30", "end": "38"}

    answer = client.post(address, fields)

    assert named() == []
    form = answer.context["form"]
    assert len(form["also"].value()) == 2
    client.post(address, {**fields, "asked": "yes", "also": form["also"].value()})

    assert len(named()) == 3
    for (start, end), (found_start, found_end) in zip(PLACES, named(), strict=True):
        assert abs(start - found_start) < 1_000
        assert abs(end - found_end) < 1_000
    undo = reverse("portal:file_review_entry", args=[file.uid])
    client.post(undo, {"verb": "undo", "all": "yes", "start": "30", "end": "38"})
    assert named() == []


def test_what_is_not_ticked_or_named_already_stays(client: Client, file: ScannedFile) -> None:
    address = reverse("portal:cue_sheet_entry", args=[file.uid])
    fields = {"verb": "music", "title": "Hymn", "start": "30", "end": "38"}
    entry = reverse("portal:file_review_entry", args=[file.uid])
    client.post(entry, {"verb": "unknown", "start": "9", "end": "19"})

    answer = client.post(address, fields)

    (place,) = answer.context["form"]["also"].value()
    assert abs(int(place.split("-")[0]) - 60_000) < 1_000
    client.post(address, {**fields, "asked": "yes"})
    assert named() == [(30_000, 38_000)]

"""A file of several sound tracks is searched in all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from scanning.models import ScannedFile, Segment
from scanning.services.scans import request_scan
from tests import audio
from tests.conftest import Catalogue, MakeClient, Worker, upload
from tests.recognition.media_files import write_tracks


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    """Return a manager's client."""
    return signed_in(Role.MANAGER)


def test_a_segment_of_another_track_is_stored_with_its_number(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    tracks = {"Film": audio.tune(77, 30), "Music": audio.tune(1, 30)}
    path = write_tracks(tmp_path / "film.mkv", tracks, audio.RATE)
    answer = client.post(
        "/api/portal/v1/files/",
        {
            "container": catalogue.container.pk,
            "file": upload("film.mkv", path.read_bytes()),
        },
    )
    run_worker()
    file = ScannedFile.objects.get(uid=answer.json()["uid"])

    assert Segment.objects.get().track == 2
    assert file.message == ""
    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert "Sound track 2: Music, not the one played here" in page

    # Only the main track's fingerprint is stored.
    request_scan(scanned_file=file, user=None)
    run_worker()

    assert list(Segment.objects.values_list("track", flat=True)) == [2, 2]

    file.media = ""
    file.save(update_fields=["media"])
    scan = request_scan(scanned_file=file, user=None)
    run_worker()

    scan.refresh_from_db()
    assert scan.warnings == ["1 other sound track was not searched."]

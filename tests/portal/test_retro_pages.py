"""The pages of retro searches."""

from __future__ import annotations

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Recording
from review.models import Match
from review.services.folding import fold_scan
from scanning.choices import RetroStatus
from scanning.models import Container, RetroSearch, Scan, ScannedFile
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def recording() -> Recording:
    """Return a recording whose bucket is searched by a container with two kept files."""
    made: Recording = RecordingFactory.create()
    file: ScannedFile = ScannedFileFactory.create(fingerprint="scans/a.acrfp")
    file.container.buckets.add(made.bucket)
    ScannedFileFactory.create(container=file.container, fingerprint="scans/b.acrfp")
    return made


def test_a_search_is_started_followed_and_stopped(
    recording: Recording, signed_in: MakeClient
) -> None:
    reviewer, client = signed_in(Role.REVIEWER), signed_in(Role.MANAGER)
    start = reverse("portal:retro_start")
    query = f"{start}?recording={recording.uid}"

    # The page of the recording leads to what it would take.
    page = client.get(reverse("portal:recording_detail", args=[recording.uid]))
    assert query in page.content.decode()
    text = client.get(query).content.decode()
    assert "<dd>2</dd>" in text
    assert "less than a minute" in text

    assert reviewer.post(start, {"recording": recording.uid}).status_code == 403
    assert not RetroSearch.objects.exists()
    page = client.post(start, {"recording": recording.uid}, follow=True)
    search = RetroSearch.objects.get()
    assert search.recordings.get() == recording
    assert "0 of 2" in page.content.decode()
    client.post(reverse("portal:retro_cancel", args=[search.uid]))
    search.refresh_from_db()
    assert search.status == RetroStatus.CANCELLED

    for container in Container.objects.all():
        container.buckets.clear()
    page = client.post(start, {"recording": recording.uid})
    assert "has scanned a file yet" in page.content.decode()


def test_late_finds_are_listed(recording: Recording, signed_in: MakeClient) -> None:
    search = RetroSearch.objects.create(status=RetroStatus.DONE, found=1)
    search.recordings.add(recording)
    scan: Scan = ScanFactory.create(retro_search=search)
    make_detection((1_000, 21_000, 0, 20_000), scan=scan, recording=recording)
    fold_scan(scan=scan)

    page = signed_in(Role.VIEWER).get(reverse("portal:retro_search", args=[search.uid]))

    assert Match.objects.get().review_url in page.content.decode()

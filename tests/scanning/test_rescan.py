"""Scanning a file again: in more buckets, or by ACRCloud."""

from __future__ import annotations

import pytest
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from review.models import Match
from scanning.choices import EngineChoice, FileStatus
from scanning.models import Container, Scan, ScannedFile
from tests import audio
from tests.factories.scanning import ScanFactory
from tests.fixtures import Catalogue, MakeClient, Worker, submit_sound
from tests.scanning.vendor import Vendor


@pytest.fixture
def unmatched(catalogue: Catalogue, admin: User, run_worker: Worker) -> ScannedFile:
    """Return a file of our music that was scanned without any buckets."""
    file = submit_sound(Container.objects.create(name="Empty"), audio.tune(1, 12), admin)
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.NO_MATCH
    return file


def test_other_buckets_are_searched_for_this_file_alone(
    unmatched: ScannedFile, catalogue: Catalogue, signed_in: MakeClient, run_worker: Worker
) -> None:
    client = signed_in(Role.REVIEWER)
    page = client.get(reverse("portal:file_detail", args=[unmatched.uid]))
    assert f'name="also" value="{catalogue.bucket.pk}"' in page.content.decode()

    client.post(again(unmatched), {"also": [catalogue.bucket.pk]})
    run_worker()

    match = Match.objects.get(scanned_file=unmatched)
    assert match.recording == catalogue.first
    assert [bucket["id"] for bucket in match.scan.buckets] == [catalogue.bucket.pk]
    assert not unmatched.container.buckets.exists()


@pytest.mark.django_db
def test_what_cannot_be_searched_scans_nothing(signed_in: MakeClient) -> None:
    scan = ScanFactory.create()
    client = signed_in(Role.REVIEWER)

    for fields, status, message in (
        ({"also": "0"}, 400, ""),
        ({"also": "x"}, 400, ""),
        ({"engine": "both"}, 400, ""),
        ({"engine": "acrcloud"}, 200, "no ACRCloud account"),
    ):
        answer = client.post(again(scan.scanned_file), fields, follow=True)
        assert answer.status_code == status, fields
        assert message in answer.content.decode(), fields
    assert Scan.objects.count() == 1


def test_a_file_is_sent_to_the_cloud_where_there_is_an_account(
    vendor: Vendor, signed_in: MakeClient
) -> None:
    Container.objects.filter(pk=vendor.container.pk).update(engine=EngineChoice.EMBEDDED)
    file = ScanFactory.create(scanned_file__container=vendor.container).scanned_file

    signed_in(Role.REVIEWER).post(again(file), {"engine": "acrcloud"})

    assert Scan.objects.latest("pk").engine == EngineChoice.ACRCLOUD


def again(file: ScannedFile) -> str:
    return reverse("portal:file_rescan", args=[file.uid])

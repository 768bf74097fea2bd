"""The details of a file: entered at upload and later, and read by licences."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from review.choices import MatchState
from review.models import Match
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def save(client: Client, match: Match, **values: str) -> str:
    """Send the form of the details and return the page that follows."""
    url = reverse("portal:file_details", args=[match.scanned_file.uid])
    return client.post(url, values, follow=True).content.decode()


def state_of(match: Match) -> str:
    match.refresh_from_db()
    return match.state


def test_a_territory_on_the_page_of_a_file_lets_a_licence_clear(signed_in: MakeClient) -> None:
    client, match = signed_in(Role.REVIEWER), make_match()
    make_licence(recordings=[match.recording], territories=["GB"])

    page = save(client, match, territories="gb", tags="autumn, radio")

    assert state_of(match) == MatchState.CLEARED
    assert "1 waiting match was decided or routed" in page
    assert match.scanned_file.tags == ["territory:GB", "autumn", "radio"]
    assert "autumn, radio" in page
    event = Event.objects.get(action="file.details_changed")
    assert event.case == f"file:{match.scanned_file.uid}"
    assert event.after == {"tags": ["territory:GB", "autumn", "radio"]}


def test_another_territory_gives_back_what_the_licence_had_cleared(signed_in: MakeClient) -> None:
    client, match = signed_in(Role.REVIEWER), make_match()
    make_licence(recordings=[match.recording], use_kind="account", use_values=["us"])
    save(client, match, account="us")
    assert state_of(match) == MatchState.CLEARED

    page = save(client, match, account="them")

    assert state_of(match) == MatchState.PENDING
    assert "1 match is no longer covered" in page


def test_details_that_no_rule_reads_change_the_file_alone(signed_in: MakeClient) -> None:
    match, client = make_match(), signed_in(Role.REVIEWER)
    ScannedFile.objects.update(published_at="2026-05-01T18:30Z")
    before = Event.objects.filter(case=match.case).count()

    page = save(client, match, territories="UK")
    assert "UK is not a territory" in page
    assert not Event.objects.filter(action="file.details_changed").exists()

    save(client, match, published_at="2026-05-01", programme="Evening")
    # A day that is not touched keeps its time.
    stored = ScannedFile.objects.get(programme="Evening")
    assert stored.published_at == datetime(2026, 5, 1, 18, 30, tzinfo=UTC)
    assert match.version == Match.objects.get(pk=match.pk).version
    assert Event.objects.filter(case=match.case).count() == before

    url = reverse("portal:file_details", args=[match.scanned_file.uid])
    viewer = signed_in(Role.VIEWER)
    assert viewer.get(url).status_code == 403
    assert viewer.post(url, {"territories": "GB"}).status_code == 403


def test_territories_and_tags_are_entered_at_upload(signed_in: MakeClient) -> None:
    container, client = ContainerFactory.create(), signed_in(Role.REVIEWER)
    values = {"container": container.pk, "territories": "gb, IE", "tags": "news"}

    client.post(
        reverse("portal:upload"), {**values, "files": SimpleUploadedFile("one.wav", b"RIFF one")}
    )
    client.post(
        "/api/portal/v1/files/", {**values, "file": SimpleUploadedFile("two.wav", b"RIFF two")}
    )
    refused = client.post(
        "/api/portal/v1/files/",
        {**values, "territories": "UK", "file": SimpleUploadedFile("three.wav", b"RIFF three")},
    )

    stored = ScannedFile.objects.values_list("tags", flat=True)
    assert list(stored) == [["territory:GB", "territory:IE", "news"]] * 2
    assert refused.status_code == 422
    assert "UK is not a territory" in refused.content.decode()


def test_the_page_of_a_file_counts_a_decision_on_what_scans_no_longer_find(
    signed_in: MakeClient,
) -> None:
    match = make_match(state=MatchState.CONFIRMED)
    ScannedFile.objects.update(status=FileStatus.NO_MATCH)
    url = reverse("portal:file_detail", args=[match.scanned_file.uid])

    client = signed_in(Role.VIEWER)

    page = client.get(url).content.decode()

    assert reverse("portal:match", args=[match.uid]) in page
    assert "Nothing in your catalogue matched" not in page
    assert url not in client.get(reverse("portal:queue_files")).content.decode()


def test_the_pages_of_a_file_of_unknown_length_name_its_recording(signed_in: MakeClient) -> None:
    # As of results that a cloud account called back without the sound.
    match, client = make_match(), signed_in(Role.MANAGER)
    ScannedFile.objects.update(length_ms=0)
    file = reverse("portal:file_detail", args=[match.scanned_file.uid])

    for address in (
        *(file, f"{file}review/", f"{file}cue-sheet/", match.review_url),
        *(reverse("portal:match_preview", args=[match.uid]), reverse("portal:queue")),
    ):
        page = client.get(address)
        assert page.status_code == 200
        assert match.recording.title in page.content.decode(), address

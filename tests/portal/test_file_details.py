"""The details of a file: entered at upload and later, and read by licences."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from reports.evidence.facts import source_json
from review.choices import MatchState
from review.models import Match
from scanning.choices import FileStatus, SourceType
from scanning.models import ScannedFile
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

ADDRESS = "https://video.example/watch"


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


def test_an_uploaded_file_has_the_address_that_somebody_states(
    signed_in: MakeClient, tmp_path: Path
) -> None:
    container, client = ContainerFactory.create(), signed_in(Role.REVIEWER)
    form, api = reverse("portal:upload"), "/api/portal/v1/files/"
    values = {"container": container.pk, "source_url": f"{ADDRESS}/1"}
    first, second, third = (
        SimpleUploadedFile(f"{n}.wav", f"RIFF {n}".encode()) for n in ("one", "two", "three")
    )
    path = tmp_path / "four.wav"
    path.write_bytes(b"RIFF four")
    options = {"container": str(container.pk), "source_url": f"{ADDRESS}/3", "verbosity": 0}

    several = client.post(form, {**values, "files": [first, second]}).content.decode()
    assert "This is the address of one file." in several
    wrong = client.post(api, {**values, "source_url": "ftp://x.example/", "file": third})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "link_refused")
    # Nothing is fetched from there.
    reason = "This link is not allowed: it does not begin with http:// or https://."
    assert wrong.json()["message"] == reason
    with pytest.raises(CommandError, match="address of one file"):
        call_command("scan_file", str(path), str(path), **options)
    assert not ScannedFile.objects.exists()

    for file in (first, third):
        file.seek(0)
    client.post(form, {**values, "files": first})
    client.post(api, {**values, "source_url": f"{ADDRESS}/2", "file": third})
    call_command("scan_file", str(path), **options)

    addresses = ScannedFile.objects.order_by("pk").values_list("source_url", flat=True)
    assert list(addresses) == [f"{ADDRESS}/{number}" for number in (1, 2, 3)]
    # A link to the same item is known.
    again = {"container": container.pk, "links": [f"{ADDRESS}/2"]}
    outcome = client.post(f"{api[:-6]}links/", again, content_type="application/json").json()[0]
    assert (outcome["accepted"], outcome["file"]["name"]) == (False, "three.wav")


def test_the_address_of_an_upload_is_corrected_and_a_licence_reads_it(
    signed_in: MakeClient,
) -> None:
    client, match = signed_in(Role.REVIEWER), make_match()
    make_licence(recordings=[match.recording], use_kind="url_prefix", use_values=[ADDRESS])

    for refused, reason in (
        ("ftp://x.example/1", "it does not begin with http:// or https://."),
        ("https://me:mine@x.example/1", "it has a user name or password."),
    ):
        assert f"not allowed: {reason}" in save(client, match, source_url=refused)
    page = save(client, match, source_url=f" {ADDRESS}/1 ")

    assert state_of(match) == MatchState.CLEARED
    assert f'href="{ADDRESS}/1"' in page
    match.scanned_file.refresh_from_db()
    assert source_json(match)["url"] == f"{ADDRESS}/1"
    ScannedFile.objects.update(source_type=SourceType.LINK)
    save(client, match, source_url="https://other.example/", programme="Evening")
    stored = ScannedFile.objects.get(programme="Evening")
    assert stored.source_url == f"{ADDRESS}/1"


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

"""The time zone of a person: what pages show and read in it, and what does not change."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from base.accounts.models import ApiToken, User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from tests.factories.accounts import confirm, make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

LATE = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
"""Still Monday in London, already Tuesday in Tokyo."""


def client_in(zone: str, role: Role = Role.REVIEWER) -> Client:
    user = make_user(role)
    User.objects.filter(pk=user.pk).update(time_zone=zone)
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args: str, query: str = "") -> str:
    answer = client.get(reverse(f"portal:{name}", args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_person_chooses_a_zone_and_gives_it_up(signed_in: MakeClient) -> None:
    client, url = signed_in(Role.VIEWER), reverse("account_language")
    page = client.get(url).content.decode()
    assert "Same as the browser" in page
    assert "data-picker" in page

    saved = client.post(url, {"time_zone": "Asia/Tokyo"}, follow=True)

    assert "Language and time zone were saved." in saved.content.decode()
    assert User.objects.get(time_zone="Asia/Tokyo")
    assert 'data-zone="Asia/Tokyo"' in client.get(url).content.decode()
    client.post(url, {"time_zone": "Mars/Olympus"})
    assert User.objects.get(time_zone="Asia/Tokyo"), "there is no such zone"
    client.post(url, {"language": "", "time_zone": ""})
    assert 'data-zone="UTC"' in client.get(url).content.decode()
    for named, page in (("Asia/Tokyo", "Asia/Tokyo"), ("../etc", "UTC")):
        client.cookies["browser_zone"] = named
        assert f'data-zone="{page}"' in client.get(url).content.decode()


def test_a_page_says_that_it_does_not_know_the_zone_yet(signed_in: MakeClient) -> None:
    client, url = signed_in(Role.VIEWER), reverse("portal:file_list")
    guessed = 'data-guessed-zone="UTC"'

    for address in (url, reverse("admin:index")):
        assert guessed in client.get(address).content.decode()
    assert guessed not in client.get(reverse("account_login")).content.decode()
    client.cookies["browser_zone"] = "Asia/Tokyo"
    assert guessed not in client.get(url).content.decode()
    del client.cookies["browser_zone"]
    User.objects.update(time_zone="Asia/Tokyo")
    assert guessed not in client.get(url).content.decode()


@time_machine.travel(datetime(2026, 11, 24, 6, tzinfo=UTC), tick=False)
def test_lists_show_times_of_the_persons_zone_and_utc_on_hover() -> None:
    file = ScannedFileFactory.create()
    type(file).objects.filter(pk=file.pk).update(created_at=LATE)

    tokyo = page(client_in("Asia/Tokyo"), "file_list")
    london = page(client_in("Europe/London"), "file_list")

    assert ">today 05:30</time>" in tokyo
    assert 'title="24 Nov 2026 05:30:00 JST · 20:30:00 UTC"' in tokyo
    assert ">23 Nov 20:30</time>" in london


def test_the_days_of_a_list_are_those_of_its_address() -> None:
    match = make_match(match={"created_at": LATE})
    tokyo, london = client_in("Asia/Tokyo"), client_in("Europe/London")

    for zone, query, is_listed in (
        ("Asia/Tokyo", "found_from=2026-11-24&zone=Asia%2FTokyo", True),
        ("Europe/London", "found_from=2026-11-24&zone=Asia%2FTokyo", True),
        ("Asia/Tokyo", "found_until=2026-11-23&zone=Asia%2FTokyo", False),
        # Addresses without a zone, such as those of reports, name days of UTC.
        ("Asia/Tokyo", "found_from=2026-11-24", False),
        ("Asia/Tokyo", "found_from=2026-11-24&zone=nowhere", False),
        ("Asia/Tokyo", "found_from=0001-01-01&zone=Asia%2FTokyo", True),
    ):
        with timezone.override(zone):
            selected = MatchFilter.from_query(QueryDict(query)).condition()
            assert Match.objects.filter(selected).exists() is is_listed, (zone, query)

    # Filters send the person's zone and keep that of the address.
    own = '<input type="hidden" name="zone" value="Asia/Tokyo"'
    assert own in page(tokyo, "match_list")
    foreign = page(tokyo, "match_list", query="?found_from=2026-11-24")
    assert match.review_url not in foreign
    assert 'value="Asia/Tokyo"' not in foreign
    assert "<b>24 Nov 2026, UTC</b>" in foreign
    query = "?found_from=2026-11-24&zone=Asia%2FTokyo"
    away = page(london, "match_list", query=query)
    assert match.review_url in away
    assert "<b>24 Nov 2026, Asia/Tokyo</b>" in away

    # A report holds what the list showed: its preview, and the fields that run it.
    text = page(tokyo, "reports", query=query)
    of_utc = page(tokyo, "reports", query="?found_from=2026-11-24")
    assert match.recording.title in text
    assert text.count('name="zone" value="Asia/Tokyo"') > 1
    assert match.recording.title not in of_utc
    assert "Asia/Tokyo" not in of_utc.split("<main")[1]


def test_the_day_of_publication_is_the_same_for_everybody() -> None:
    match = make_match()
    make_licence(
        recordings=[match.recording],
        valid_from=date(2026, 5, 1),
        valid_until=date(2026, 5, 1),
        on_expiry="keep",
    )
    url = reverse("portal:file_details", args=[match.scanned_file.uid])

    client_in("Asia/Tokyo").post(url, {"published_at": "2026-05-01"})

    match.refresh_from_db()
    assert match.state == MatchState.CLEARED, "the licence holds on that day"
    west = client_in("America/Los_Angeles")
    assert "1 May 2026" in page(west, "file_detail", str(match.scanned_file.uid))
    assert 'value="2026-05-01"' in west.get(url).content.decode()
    west.post(url, {"published_at": "2026-05-01", "tags": "radio"})
    match.refresh_from_db()
    assert match.state == MatchState.CLEARED


@time_machine.travel(datetime(2026, 11, 24, 6, tzinfo=UTC), tick=False)
def test_whether_a_licence_still_holds_does_not_depend_on_who_looks() -> None:
    licence = make_licence(recordings=[make_match().recording], valid_until=date(2026, 11, 24))

    ahead = page(client_in("Pacific/Kiritimati", Role.MANAGER), "licence_list")
    behind = page(client_in("Pacific/Pago_Pago", Role.MANAGER), "licence_list")

    assert licence.holder in ahead
    assert "in force" in ahead
    assert "in force" in behind


@time_machine.travel(datetime(2026, 11, 24, 6, tzinfo=UTC), tick=False)
def test_a_token_ends_with_the_persons_day() -> None:
    client = client_in("Asia/Tokyo")
    confirm(client)
    client.post(
        reverse("portal:tokens"),
        {"name": "Nightly", "scopes": ["read"], "expires_on": "2026-11-24"},
    )

    token = ApiToken.objects.get()
    assert token.expires_at == datetime(2026, 11, 24, 15, tzinfo=UTC)


def test_answers_to_programs_stay_in_the_zone_of_the_installation() -> None:
    match = make_match(match={"due_at": LATE})
    user = make_user(Role.REVIEWER)
    User.objects.filter(pk=user.pk).update(time_zone="Asia/Tokyo")
    made = create_token(owner=user, name="program", scopes=["read"])
    path = f"/api/portal/v1/matches/{match.uid}/"

    by_token = Client().get(path, headers={"Authorization": f"Bearer {made.secret}"})
    client = Client()
    client.force_login(user)

    assert by_token.json()["due_at"] == "2026-11-23T20:30:00Z"
    assert client.get(path).json()["due_at"] == "2026-11-23T20:30:00Z"


def test_people_without_a_choice_follow_the_portal(
    signed_in: MakeClient, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"

    page = signed_in(Role.VIEWER).get(reverse("account_language")).content.decode()

    assert 'data-zone="Europe/Berlin"' in page

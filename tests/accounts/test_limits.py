"""Whoever asks too often is told when to come back; nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from base.accounts import limits
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.common.rates import Rate, wait_for
from scanning.services.identification import create_project
from tests.acrapi.test_identify import signed
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.fixtures import MakeClient
from web.acrapi.parsers import WireJSONParser

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
FILES = "/api/fs-containers"


@pytest.fixture
def clock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    """Turn the limits on, with numbers that a test reaches; the clock stands still."""
    for name in ("_PAGE_SECONDS_AT_ONCE", "_STRANGER_SECONDS_AT_ONCE"):
        monkeypatch.setattr(limits, name, 3)
    settings.ACRPORTAL_RATE_LIMITS = True
    settings.ACRPORTAL_PAGE_RATE = settings.ACRPORTAL_STRANGER_RATE = 0
    settings.ACRPORTAL_COSTLY_RATE = settings.ACRPORTAL_API_RATE = 0
    with time_machine.travel("2026-05-04 08:00Z", tick=False) as clock:
        yield clock


def statuses(client: Client, path: str, count: int, **options: Any) -> list[int]:
    """Ask so often; return the statuses. Any: of the test client."""
    return [client.get(path, **options).status_code for _ in range(count)]


def test_a_person_is_stopped_by_account_and_told_when_to_come_back(
    signed_in: MakeClient, settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_PAGE_RATE = 1
    client, other_client = signed_in(Role.REVIEWER), signed_in(Role.REVIEWER)

    assert statuses(client, "/queue/", 3) == [200] * 3
    refused = client.get("/queue/")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert "Wait 1 second" in refused.content.decode()
    # Scripts get JSON.
    for path, headers in (
        ("/api/portal/v1/reports/", {}),
        ("/queue/", {"Accept": "application/json"}),
    ):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert other_client.get("/queue/").status_code == 200
    clock.shift(1)
    assert statuses(client, "/queue/", 2) == [200, 429]


def test_a_decision_a_second_for_hours_is_never_too_often(clock: time_machine.Traveller) -> None:
    """A decision asks for five addresses at most, an opened page for a dozen."""
    # With a tenth of what may come at once, ten minutes show what hours would.
    rate = Rate(at_once=60, per_second=20)

    for _second in range(600):
        clock.shift(1)
        assert not any(wait_for("person", rate) for _request in range(12))


def test_costly_pages_have_a_lower_limit_of_their_own(
    signed_in: MakeClient, settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_COSTLY_RATE = 3
    client, other_client = signed_in(Role.REVIEWER), signed_in(Role.REVIEWER)

    assert statuses(client, "/search/?q=x", 3) == [200] * 3
    assert client.get("/search/?q=x").status_code == 429
    for path in ("/matches/export/", "/files/export/"):
        assert client.post(path).status_code == 429, path
    assert client.get("/queue/").status_code == 200
    clock.shift(21)
    assert client.get("/search/?q=x").status_code == 200

    # Asking for headers alone is as costly.
    status_codes = [other_client.head("/search/?q=x").status_code for _ in range(4)]
    assert status_codes == [200] * 3 + [429]


def test_strangers_are_counted_by_address(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_STRANGER_RATE = 1
    here, elsewhere = Client(), Client(REMOTE_ADDR="198.51.100.7")

    assert statuses(here, LOGIN, 4) == [200] * 3 + [429]
    assert here.get("/no-such-page").status_code == 429
    assert here.get("/api/schema").status_code == 429
    assert elsewhere.get(LOGIN).status_code == 200

    # One network of IPv6 is one stranger.
    status_codes = [
        Client(REMOTE_ADDR=f"2001:db8::{number:x}").get(LOGIN).status_code for number in range(4)
    ]
    assert status_codes == [200] * 3 + [429]

    # So are those who guess tokens, or keys of programs that identify.
    client = Client(REMOTE_ADDR="198.51.100.8")
    status_codes = [
        client.get(FILES, headers={"Authorization": f"Bearer guess-{n}"}).status_code
        for n in range(4)
    ]
    assert status_codes == [401] * 3 + [429]

    client = Client(REMOTE_ADDR="198.51.100.9")
    codes = [
        client.post("/v1/identify", {"access_key": f"k{n}"}).json()["status"]["code"]
        for n in range(4)
    ]
    assert (codes[0], codes[-1]) == (3001, 3015)


def test_a_person_is_not_stopped_by_strangers_at_the_same_address(
    signed_in: MakeClient, settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_STRANGER_RATE = settings.ACRPORTAL_API_RATE = 1
    secret = create_token(owner=make_user(Role.ADMIN), name="a", scopes=["all"]).secret
    statuses(Client(), LOGIN, 4)
    client = signed_in(Role.REVIEWER)

    assert client.get("/queue/").status_code == 200
    answer = Client().get(FILES, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200


def test_bodies_of_strangers_over_the_limit_stay_unread(
    settings: Settings, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was parsed, up to 8 MiB of it, before it was counted; nonsense never was."""
    settings.ACRPORTAL_STRANGER_RATE = 1
    parsed: list[object] = []
    parse = WireJSONParser.parse

    def counting(parser: WireJSONParser, *arguments: Any, **named: Any) -> dict[str, Any]:
        parsed.append(parser)
        return parse(parser, *arguments, **named)

    monkeypatch.setattr(WireJSONParser, "parse", counting)

    codes = [
        Client().post("/v1/identify", "{", content_type="application/json").json() for _ in range(6)
    ]

    assert [code["status"]["code"] for code in codes] == [2005] * 3 + [3015] * 3
    assert len(parsed) == 3


def test_a_stranger_does_not_hold_up_a_project_at_the_same_address(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_STRANGER_RATE = 1
    project = create_project(name="clips", buckets=[BucketFactory.create()], user=None)
    call = signed(project)

    def code(fields: dict[str, Any]) -> int:
        answer = Client().post("/v1/identify", fields)
        return int(answer.json()["status"]["code"])

    assert code(call) == 2005  # it has no sample
    assert [code({"access_key": "guessed"}) for _ in range(5)][-1] == 3015
    assert code(call) == 2005


def test_both_apis_count_a_token_together(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_API_RATE = 2
    secret = create_token(owner=make_user(Role.ADMIN), name="a", scopes=["all"]).secret
    headers = {"Authorization": f"Bearer {secret}"}

    answers = [
        Client().get(path, headers=headers)
        for path in (FILES, "/api/portal/v1/statements/", "/api/portal/v1/statements/")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert answers[-1].headers["Retry-After"] == "1"


def test_monitoring_and_styles_are_not_counted(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_STRANGER_RATE = 1
    client = Client()

    assert 429 not in statuses(client, "/healthz", 5)
    assert 429 not in statuses(client, "/static/css/base.css", 5)
    assert client.get(LOGIN).status_code == 200


def test_what_a_valid_token_does_not_find_is_no_strangers_call(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.ACRPORTAL_STRANGER_RATE, settings.ACRPORTAL_API_RATE = 1, 10
    made = create_token(owner=make_user(Role.REVIEWER), name="poll", scopes=["read"])
    client = Client(headers={"Authorization": f"Bearer {made.secret}"})

    # Nothing is there, and the scope does not cover it.
    gone = statuses(client, f"{FILES}/999", 4)
    refused = [client.post(f"{FILES}", {}).status_code for _ in range(4)]

    assert (gone, refused) == ([404] * 4, [403] * 4)
    assert Client().get(LOGIN).status_code == 200

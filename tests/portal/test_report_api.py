"""Reports in the API: permissions, refusals, and a complete run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.test import Client

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.audit.models import Event
from reports.models import ReportRun
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient, Worker
from tests.portal.review.reviewing import decide
from tests.reports.reading import rows

pytestmark = pytest.mark.django_db

REPORTS = "/api/portal/v1/reports/"
Json = dict[str, Any]  # Any: JSON


class Caller:
    """Calls the API with the token of a role and scopes."""

    def __init__(self, role: Role, *scopes: str) -> None:
        user = make_user(role)
        token = create_token(owner=user, name="test", scopes=list(scopes))
        self._client = Client(headers={"Authorization": f"Bearer {token.secret}"})

    def post(self, url: str, fields: Json | None = None) -> tuple[int, Json]:
        answer = self._client.post(url, fields or {}, content_type="application/json")
        return answer.status_code, answer.json()

    def stream(self, fields: Json) -> tuple[int, bytes]:
        answer = self._client.post(f"{REPORTS}stream/", fields, content_type="application/json")
        content = b"".join(answer) if answer.streaming else answer.content
        return answer.status_code, content

    def get(self, url: str, **query: str) -> tuple[int, bytes]:
        answer = self._client.get(url, query)
        content = b"".join(answer) if answer.streaming else answer.content
        return answer.status_code, content


def test_run_is_asked_for_followed_and_taken(run_worker: Worker) -> None:
    make_match()
    caller = Caller(Role.REVIEWER, "report")

    status, run = caller.post(
        REPORTS, {"format": "xlsx", "filters": {"state": ["pending"]}, "name": "Week"}
    )
    assert (status, run["state"]) == (202, "queued")
    run_worker()

    address = f"{REPORTS}{run['uid']}/"
    body = json.loads(caller.get(address)[1])
    assert (body["state"], body["progress"], body["row_count"]) == ("ready", 100, 1)
    _status, file = caller.get(f"{address}file/")
    assert hashlib.sha256(file).hexdigest() == body["sha256"]
    manifest = json.loads(caller.get(f"{address}manifest/")[1])
    assert manifest["files"][0]["sha256"] == body["sha256"]
    downloaded = Event.objects.get(action="downloaded")
    assert downloaded.via.startswith("token:")
    assert [template["name"] for template in json.loads(caller.get(REPORTS)[1])] == ["Week"]

    # A viewer takes what others ran.
    viewer = Caller(Role.VIEWER, "read")
    assert viewer.get(f"{address}file/")[0] == 200
    assert viewer.stream({})[0] == 403
    assert viewer.post(f"{address}cancel/")[0] == 403


def test_token_of_one_request_is_not_named_in_the_next(client: Client) -> None:
    match = make_match()
    Caller(Role.REVIEWER, "report").get(REPORTS)

    client.force_login(make_user(Role.REVIEWER))
    decide(client, match, "confirm")

    assert Event.objects.filter(case=match.case).latest("id").via == ""


def test_rows_are_sent_while_they_are_read() -> None:
    match = make_match()
    make_match(state="confirmed")
    caller = Caller(Role.REVIEWER, "report")
    pending: Json = {"filters": {"state": ["pending"]}}

    status, table = caller.stream(pending | {"columns": ["match_id", "title"]})
    assert status == 200
    assert [next(iter(row.values())) for row in rows(table)] == [match.uid]

    _status, lines = caller.stream(pending | {"format": "jsonl"})
    assert json.loads(lines)["match_id"] == match.uid

    # Other formats are not written row by row.
    status, answer = caller.stream({"format": "xlsx"})
    assert status == 422
    assert b"Only CSV and JSON Lines" in answer


def test_running_takes_the_role_and_the_scope(client: Client, signed_in: MakeClient) -> None:
    assert client.get(REPORTS).status_code in {401, 403}
    for role, scope, status in (
        (Role.REVIEWER, "report", 202),
        (Role.REVIEWER, "all", 202),
        (Role.REVIEWER, "read", 403),
        (Role.VIEWER, "report", 403),
    ):
        assert Caller(role, scope).post(REPORTS)[0] == status, (role, scope)
    # A session of the portal counts, too.
    answer = signed_in(Role.REVIEWER).post(REPORTS, {}, content_type="application/json")
    assert answer.status_code == 202


def test_what_cannot_be_read_is_named() -> None:
    caller = Caller(Role.REVIEWER, "report")
    bodies: tuple[tuple[Json, str, str], ...] = (
        ({"filters": {"stat": "pending"}}, "filters", "no filter “stat”. Choose from: q, state, "),
        ({"filters": {"found_from": "last week"}}, "filters", "found_from: “last week” cannot"),
        ({"filters": {"state": ["pending", "x"]}}, "filters", "state: “x” is not a valid choice."),
        ({"filters": {"lost": "no"}}, "filters", "Choose from: yes."),
        ({"columns": ["tilte"]}, "columns", "has no column tilte"),
        ({"format": "pdf"}, "format", "csv, xlsx, json, jsonl, parquet"),
    )

    for body, field, why in bodies:
        status, answer = caller.post(REPORTS, body)
        assert status == 422, body
        assert why in str(answer["errors"][field]), body
        assert not ReportRun.objects.exists(), body


def test_run_that_waits_is_cancelled() -> None:
    caller = Caller(Role.REVIEWER, "report")
    _status, run = caller.post(REPORTS)

    status, answer = caller.post(f"{REPORTS}{run['uid']}/cancel/")

    assert (status, answer["state"]) == (202, "cancelled")
    assert caller.get(f"{REPORTS}p_none/")[0] == 404

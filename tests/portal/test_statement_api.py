"""Programs read and keep statements; mails and a webhook tell of those to correct."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from review.models import Match
from statements.models import Statement
from statements.notifications import remind
from tests.factories import deciding
from tests.factories.accounts import make_limited, make_user
from tests.factories.review import make_match
from tests.factories.statements import make_statement, register_plain

pytestmark = pytest.mark.django_db

STATEMENTS = "/api/portal/v1/statements/"
Json = dict[str, Any]  # Any: JSON


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    register_plain(monkeypatch)


@pytest.fixture
def mira(db: None) -> User:
    user = make_user(Role.MANAGER, username="mira")
    user.email = "mira@label.example"
    user.save()
    return user


def program(user: User, *scopes: str) -> Client:
    secret = create_token(owner=user, name="t", scopes=scopes).secret
    return Client(headers={"authorization": f"Bearer {secret}"})


def work_off(pool: Pool = Pool.WORK) -> None:
    while run_next(pool):
        pass


def differing(mira: User) -> Statement:
    match = make_match()
    statement = make_statement(match, user=mira)
    deciding.reject(match=match, user=mira, reason="noise")
    work_off()
    statement.refresh_from_db()
    return statement


def read(client: Client, path: str = "", **query: str) -> Json:
    answer = client.get(f"{STATEMENTS}{path}", query)
    assert answer.status_code == 200, answer.content
    page: Json = answer.json()
    return page


def test_a_program_reads_keeps_and_withdraws_what_differs(mira: User) -> None:
    agreeing, statement = make_statement(make_match()), differing(mira)
    client = program(mira, "read", "decide", "report")
    since = statement.changed_at.isoformat()

    everything = read(client)["items"]
    (listed_statement,) = read(client, to_correct="true", changed_since=since)["items"]

    assert [statement["uid"] for statement in everything] == [agreeing.uid, statement.uid]
    assert (
        listed_statement["uid"],
        listed_statement["differs_count"],
        listed_statement["kept"],
    ) == (statement.uid, 1, False)
    assert "is stated in another place." in listed_statement["differs_in"][0]
    whole = read(client, f"{statement.uid}/")
    assert [file["sha256"] for file in whole["files"]] == ["ab" * 32]
    file = client.get(f"{STATEMENTS}{statement.uid}/files/txt/")
    assert b"".join(file.streaming_content) == b"As approved."  # type: ignore[attr-defined]  # a file is streamed

    def post(verb: str, **body: str) -> int:
        path = f"{STATEMENTS}{statement.uid}/{verb}/"
        return client.post(path, body, content_type="application/json").status_code

    assert post("keep", why="Agreed.", differs_sha256="0" * 64) == 409
    assert post("keep", why="Agreed.", differs_sha256=listed_statement["differs_sha256"]) == 200
    assert read(client, to_correct="true")["items"] == []
    assert post("withdraw", why="Wrong after all.") == 200
    assert post("withdraw", why="Once more.") == 409
    acts = [(act["action"], act["note"]) for act in read(client, f"{statement.uid}/")["history"]]
    assert acts == [
        ("statement.kept", "Agreed."),
        ("report.exported", ""),
        ("statement.differs", ""),
    ]


def test_a_program_reads_each_fact_and_difference_that_its_owner_may_see(mira: User) -> None:
    hidden, matches = make_match(), make_match()
    statement = make_statement(hidden, matches, user=mira)
    limited = make_limited(Role.REVIEWER, containers=[matches.scanned_file.container_id])
    for match in (hidden, matches):
        deciding.reject(match=match, user=mira, reason="noise")
    work_off()

    pages = []
    for reader in (mira, limited):
        client = program(reader, "read")
        if reader == limited:
            Statement.objects.filter(pk=statement.pk).update(subject=matches.uid)
        facts = read(client, f"{statement.uid}/facts/")
        differences = read(client, f"{statement.uid}/differences/")
        assert (facts["next"], facts["hidden"]) == ("", differences["hidden"])
        assert [difference["match"] for difference in differences["differences"]] == [
            fact["match"] for fact in facts["facts"]
        ]
        pages.append((facts["facts"], facts["hidden"]))

    (everything, none), (some, single) = pages
    assert (len(everything), none, len(some), single) == (2, 0, 1, 1)
    assert some == everything[1:]
    assert (some[0]["recording"], some[0]["state"], some[0]["end_ms"]) == (
        matches.recording.uid,
        "pending",
        1000,
    )


def test_managers_get_one_mail_a_day_about_statements_to_correct(
    mira: User, settings: Settings
) -> None:
    settings.ACRPORTAL_STATEMENT_MAIL = True
    statement = differing(mira)

    assert (remind(), remind()) == (1, 0)

    (message,) = mail.outbox
    assert message.to == ["mira@label.example"]
    assert "1 statement to correct" in message.subject
    assert statement.name in message.body
    assert "is stated in another place." in message.body
    assert statement.page_url in message.body


def test_a_webhook_hears_when_a_statement_differs_and_agrees_again(
    mira: User, settings: Settings, httpserver: HTTPServer
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    settings.ACRPORTAL_STATEMENT_WEBHOOK = httpserver.url_for("/hook")
    settings.ACRPORTAL_STATEMENT_WEBHOOK_SECRET = "whsec_c2VjcmV0"
    httpserver.expect_request("/hook", method="POST").respond_with_data("")

    statement = differing(mira)
    deciding.undo(match=Match.objects.get(uid=statement.subject), user=mira)
    work_off()
    work_off(Pool.TALK)

    requests = [request for request, _answer in httpserver.log]
    notices = [json.loads(request.data) for request in requests]
    assert [notice["type"] for notice in notices] == ["statement.differs", "statement.agrees"]
    assert notices[0]["statement"]["differs_count"] == 1
    assert {request.headers["webhook-id"] for request in requests} == {
        f"{statement.uid}-1",
        f"{statement.uid}-2",
    }
    assert all("webhook-signature" in request.headers for request in requests)

"""Matches in the API: the same rules and events as on the pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Action, Role
from base.accounts.services import create_user
from base.accounts.tokens import create_token
from base.audit.models import Event
from review.choices import MatchState, PolicyAction
from review.models import Match
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_limited, make_user
from tests.factories.catalogue import BucketFactory
from tests.factories.review import make_match
from tests.factories.rules import make_policy

pytestmark = pytest.mark.django_db


def _call(user: User, *scopes: str) -> Client:
    secret = create_token(owner=user, name="desk", scopes=list(scopes)).secret
    return Client(headers={"authorization": f"Bearer {secret}"})


def _post(client: Client, name: str, match: Match, **body: object) -> Any:  # Any: JSON
    return client.post(
        reverse(f"api:{name}", args=[match.uid]),
        {"version": match.version, **body},
        content_type="application/json",
    )


def test_a_program_without_a_token_is_told_which_header_to_send() -> None:
    answer = Client().get("/api/portal/v1/matches/")

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert "'Authorization: Bearer TOKEN'" in answer.json()["message"]
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    pages = Client().get(reverse("api:file", args=[make_match().scanned_file.uid]))
    assert (pages.status_code, "signed in" in pages.json()["message"]) == (403, True)


def test_a_refused_choice_names_the_choices() -> None:
    client = _call(make_user(Role.REVIEWER), "all")

    listed = client.get("/api/portal/v1/matches/?state=wrong")
    decided = _post(client, "match_decisions", make_match(), verb="wrong")

    assert (listed.status_code, decided.status_code) == (422, 422)
    (state,), (verb,) = listed.json()["errors"]["state"], decided.json()["errors"]["verb"]
    assert state.startswith("“wrong” is not a valid choice. Choose from: pending, ")
    assert "confirm, " in verb
    (subset,) = client.get("/api/portal/v1/statements/?subset=all").json()["errors"]["subset"]
    assert subset.startswith("There is no such parameter. Choose from: after, ")


def test_a_decision_is_the_event_that_a_page_would_write() -> None:
    match, ana = make_match(), make_user(Role.REVIEWER)

    answer = _post(_call(ana, "decide"), "match_decisions", match, verb="reject", reason="noise")

    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["version"]) == ("rejected", 2)
    event = Event.objects.get(case=match.case, action="reject")
    assert (event.actor, event.reason) == (ana, "noise")
    assert "desk" in event.via


def test_what_a_page_refuses_is_refused() -> None:
    match = make_match()
    client = _call(make_user(Role.REVIEWER), "decide")
    bodies: tuple[tuple[dict[str, object], int, str], ...] = (
        ({"verb": "reject"}, 422, "reason_missing"),
        ({"verb": "confirm", "version": 7}, 409, "stale"),
        ({"verb": "reopen", "note": "again"}, 403, "not_allowed"),
        ({"verb": "give up"}, 422, "invalid"),
        ({"verb": "clear", "licence": "a\0b"}, 422, "invalid"),
        ({"verb": "clear", "licence": ["a"]}, 422, "invalid"),
        ({"verb": "clear", "licence": "unknown"}, 422, "invalid"),
    )

    for body, status, code in bodies:
        answer = _post(client, "match_decisions", match, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    # A token that only reads decides nothing.
    reader = _call(make_user(Role.REVIEWER), "read")
    assert _post(reader, "match_decisions", match, verb="confirm").status_code == 403
    row = reader.get(reverse("api:match", args=[match.uid])).json()
    assert row["state"] == MatchState.PENDING
    # The codes are those of the other API.
    stranger, unknown = Client(), Client(headers={"authorization": "Bearer acrp_x"})
    scanner = _call(make_user(Role.REVIEWER), "scan")
    asked = [(who, match.uid) for who in (stranger, unknown, scanner)] + [(reader, "m_none")]
    codes = [who.get(reverse("api:match", args=[uid])).json()["code"] for who, uid in asked]
    assert codes == ["unauthenticated", "unauthenticated", "forbidden", "not_found"]


def test_a_dispute_is_recorded_with_the_day_of_its_answer() -> None:
    ana = make_user(Role.REVIEWER)
    match = deciding.confirm(match=make_match(), user=ana, version=1)
    client = _call(ana, "decide", "read")

    answer = _post(
        client,
        "match_disputes",
        match,
        code="licensed",
        statement="We have a contract.",
        received_at="2026-05-01T09:00:00Z",
    )

    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["due_at"]) == ("open", "2026-05-31T09:00:00Z")
    assert body["match"]["state"] == "disputed"
    (dispute,) = client.get(reverse("api:match_disputes", args=[match.uid])).json()
    assert dispute["uid"] == body["uid"]


def test_a_service_account_approves_nothing() -> None:
    ana = make_user(Role.REVIEWER)
    program = create_user(username="desk", password=None, role=Role.MANAGER)
    match = deciding.escalate(match=make_match(), user=ana, version=1, note="Ours?")

    answer = _post(_call(program, "all"), "match_decisions", match, verb="confirm")

    match.refresh_from_db()
    assert answer.status_code == 403
    assert match.state == MatchState.ESCALATED
    assert program.has_perm(Action.DECIDE)
    assert not program.has_perm(Action.APPROVE)


def test_a_timeline_names_each_piece_also_what_a_policy_suppressed() -> None:
    manager = make_user(Role.MANAGER)
    make_policy(action=PolicyAction.SUPPRESS, name="Jingles", user=manager)
    match = make_match((0, 20_000, 0, 20_000), recording__version_title="Live")
    file = match.scanned_file
    assert match.state == MatchState.SUPPRESSED
    ScannedFile.objects.filter(pk=file.pk).update(length_ms=60_000)
    client = _call(manager, "read")

    timeline = client.get(reverse("api:file_timeline", args=[file.uid])).json()

    first, *pieces = timeline["pieces"]
    assert (first["start_ms"], first["end_ms"], first["kind"]) == (0, 20_000, "suppressed")
    (named,) = first["matches"]
    assert (named["uid"], named["policy"]) == (match.uid, "Jingles v1")
    assert named["title"] == match.recording.full_title
    assert [piece["start_ms"] for piece in pieces] == [20_000]
    assert sum(map(Decimal, timeline["shares"].values())) == 100

    limited = make_limited(
        Role.REVIEWER, containers=[file.container_id], buckets=[BucketFactory.create().pk]
    )
    hidden = _call(limited, "read").get(reverse("api:file_timeline", args=[file.uid]))
    assert not any(piece["matches"] for piece in hidden.json()["pieces"])

"""Pages and API of notices: what people and programs do, and what refuses them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.notices import services
from plugins.notices.models import NoticeAnswer, NoticeState, TakedownNotice
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH
from plugins.notices.pages.lists import NOTICES
from plugins.notices.tests.factories import (
    FILLED_IN,
    at_address,
    make_claim,
    make_draft,
    make_sent,
    make_signed,
    make_submitted,
)
from reports.evidence import services as evidence
from reports.evidence import signing as sealing
from review.choices import MatchState
from statements.models import Statement
from tests.factories import deciding
from tests.factories.accounts import confirm, make_limited, make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence

pytestmark = pytest.mark.django_db

API = "/api/portal/v1/notices/"
TYPED = {"good_faith": GOOD_FAITH, "accuracy": ACCURACY, "signature": "A. Muster"}
Json = dict[str, Any]  # Any: JSON


@pytest.fixture
def reviewer(db: None) -> User:
    return make_user(Role.REVIEWER)


@pytest.fixture
def manager(db: None) -> User:
    return make_user(Role.MANAGER)


def page(client: Client, name: str, *args: str, status: int = 200) -> str:
    answer = client.get(reverse(f"portal:{name}", args=args))
    assert answer.status_code == status
    return answer.content.decode()


def send(client: Client, name: str, notice: TakedownNotice, **fields: object) -> Any:
    notice.refresh_from_db()
    values = {"version": notice.version, **fields}
    return client.post(reverse(f"portal:{name}", args=[notice.uid]), values)


def test_people_take_a_match_to_an_answered_notice(
    reviewer: User, manager: User, client: Client
) -> None:
    claim = make_claim(reviewer)
    client.force_login(reviewer)
    assert reverse("portal:notice_prepare") in page(client, "match", claim.uid)

    begun = client.post(
        f"{reverse('portal:notice_prepare')}?match={claim.uid}",
        {"match": claim.uid, "law": "512c", "right": "NR"},
    )
    notice = TakedownNotice.objects.get()
    assert begun.headers["Location"] == reverse("portal:notice_edit", args=[notice.uid])
    assert "The law requires more" in page(client, "notice", notice.uid)
    send(client, "notice_edit", notice, **FILLED_IN)
    assert "The notice was saved." in page(client, "notice", notice.uid)
    make_evidence()
    send(client, "notice_act", notice, verb="evidence")
    make_evidence()
    send(client, "notice_act", notice, verb="submit")
    client.force_login(manager)
    confirm(client)
    read = page(client, "notice_sign", notice.uid)
    assert "under penalty of perjury, I am authorized" in read
    assert FILLED_IN["fair_use"] in read
    # The page ticks and types nothing: signing takes a person's own words.
    for text in (read, page(client, "notice_prepare")):
        assert " checked" not in text.partition("<main")[2].partition("</main>")[0]
        assert f'value="{GOOD_FAITH}"' not in text
    typed = {**TYPED, "document": read_document(client, notice)}
    refused = send(client, "notice_sign", notice, **{**typed, "accuracy": "yes"})
    assert refused.status_code == 409
    assert f"Type these words: {ACCURACY}" in refused.content.decode()
    notice.refresh_from_db()
    assert notice.state == NoticeState.REVIEW
    send(client, "notice_sign", notice, **typed)
    # Forms read times in the person's zone.
    User.objects.filter(pk=reviewer.pk).update(time_zone="Asia/Tokyo")
    sent_at = datetime.now(tz=ZoneInfo("Asia/Tokyo"))
    now = f"{sent_at:%Y-%m-%dT%H:%M}"
    client.force_login(reviewer)
    send(client, "notice_sent", notice, at=now, how="E-mail", to="agent@video.example")
    question = page(client, "notice_answer", notice.uid)
    assert "Asia/Tokyo" in question.split('name="received_at"')[1][:400]
    send(
        client,
        "notice_answer",
        notice,
        about=[claim.uid],
        outcome="COUNTER",
        received_at=now,
        code="own_content",
        statement="It is mine.",
    )

    notice.refresh_from_db()
    number = f"tn-{notice.year}-{notice.number}"
    choices = [*NOTICES.select_for({"q": number}), *NOTICES.select_for({"q": "TN-1999-1"})]
    assert choices == [notice]
    claim.refresh_from_db()
    assert notice.state == NoticeState.ANSWERED
    # To the minute, and not before the signature.
    assert notice.sent_at is not None
    for at in (notice.sent_at, NoticeAnswer.objects.get().received_at):
        assert abs(at - sent_at) < timedelta(minutes=1)
    assert claim.state == MatchState.DISPUTED
    text = page(client, "notice", notice.uid)
    assert notice.reference in text
    assert "unless you go to court" in text
    assert "Business days after" in text
    assert notice.reference in page(client, "match", claim.uid)
    assert "restored by" in page(client, "notice_list")


def read_document(client: Client, notice: TakedownNotice) -> str:
    """Return what the page of the signature says that the person read."""
    answer = client.get(reverse("portal:notice_sign", args=[notice.uid]))
    document: str = answer.context["form"]["document"].initial
    return document


def test_a_notice_is_signed_as_it_was_read(reviewer: User, manager: User, client: Client) -> None:
    claim = make_claim(reviewer)
    notice = make_submitted([claim], reviewer)
    client.force_login(manager)
    confirm(client)
    read = read_document(client, notice)
    at_address(claim, "https://video.example/v/2")
    services.ask_for_evidence(notice=notice, user=manager)
    make_evidence()

    refused = send(client, "notice_sign", notice, **TYPED, document=read)
    content = page(client, "notice", notice.uid)
    send(client, "notice_sign", notice, **TYPED, document=read_document(client, notice))

    assert refused.status_code == 409
    assert "The document says something else" in refused.content.decode()
    assert "https://video.example/v/1" not in content
    notice.refresh_from_db()
    assert notice.state == NoticeState.SIGNED
    assert "https://video.example/v/2" in notice.text
    assert notice.items.get().url == "https://video.example/v/2"


def make_evidence() -> None:
    if not sealing.key_path().exists():
        sealing.create_key()
    while run_next(Pool.WORK):
        pass


def test_a_change_since_the_signature_is_told_once(
    reviewer: User, manager: User, client: Client
) -> None:
    notice = make_signed([make_claim(reviewer)], reviewer, manager)
    make_licence(recordings=[notice.items.get().match.recording])
    TakedownNotice.objects.update(signed_at=datetime(2026, 5, 1, tzinfo=UTC))
    client.force_login(reviewer)

    answer = send(client, "notice_sent", notice, at="2026-05-01 12:30", how="E-mail", to="agent")

    assert answer.status_code == 409
    text = answer.content.decode()
    assert text.count("covers this use") == 1
    assert "Tick this if it was sent all the same." in text


def test_each_refused_match_has_its_reason(reviewer: User, client: Client) -> None:
    waiting = make_match()
    client.force_login(reviewer)
    address = f"{reverse('portal:notice_prepare')}?match={waiting.uid}"

    page = client.get(address).content.decode()
    answer = client.post(address, {"match": waiting.uid, "law": "512c", "right": "NR"})

    assert "Nobody has decided this match yet" in page
    assert answer.status_code == 409
    assert "Nobody has decided this match yet" in answer.content.decode()


def test_viewers_read_and_people_with_limits_see_what_is_wholly_within(
    reviewer: User, manager: User, client: Client
) -> None:
    mine, other_match = make_claim(reviewer), make_claim(reviewer)
    both = make_draft([mine, other_match], reviewer)
    client.force_login(make_user(Role.VIEWER))
    page(client, "notice", both.uid)
    page(client, "notice_print", both.uid)
    for name in ("notice_edit", "notice_sent", "notice_answer", "notice_sign"):
        page(client, name, both.uid, status=403)
    assert send(client, "notice_act", both, verb="submit").status_code == 403

    container = mine.scanned_file.container_id
    limited = make_limited(Role.MANAGER, containers=[container])
    client.force_login(limited)
    page(client, "notice", both.uid, status=404)
    assert both.uid not in page(client, "notice_list")

    client.force_login(manager)
    send(client, "notice_act", both, verb="take_out", match=other_match.uid)
    client.force_login(limited)
    page(client, "notice", both.uid)
    assert both.uid in page(client, "notice_list")


def test_programs_prepare_and_sign_what_people_download_and_withdraw(
    reviewer: User, manager: User, client: Client
) -> None:
    claim = make_claim(reviewer)

    def call(user: User, scope: str, path: str, fields: Json) -> tuple[int, Json]:
        token = create_token(owner=user, name=scope, scopes=[scope])
        caller = Client(headers={"Authorization": f"Bearer {token.secret}"})
        answer = caller.post(path, fields, content_type="application/json")
        return answer.status_code, answer.json()

    make_evidence()
    fields = {"matches": [claim.uid], "law": "512c", "right": "NR", **FILLED_IN}
    refused = call(reviewer, "read", API, fields)
    status, made = call(reviewer, "report", API, {**fields, "submit": True})
    make_evidence()
    path = f"{API}{made['uid']}/"
    signing = {"version": made["version"], **TYPED}
    by_reviewer = call(reviewer, "decide", f"{path}sign/", signing)
    signed = call(manager, "decide", f"{path}sign/", signing)
    answered = call(
        manager,
        "decide",
        f"{path}answers/",
        {
            "version": signed[1]["version"],
            "matches": [claim.uid],
            "outcome": "REMOVED",
            "received_at": "2026-05-01T12:00:00Z",
        },
    )
    again = call(reviewer, "report", API, fields)

    assert refused[0] == 403
    assert (status, made["state"]) == (201, "REVIEW")
    for body in (made, signed[1]):
        assert [item["intervals"] for item in body["items"]] == [[[70_000, 90_000]]]
    assert by_reviewer[0] == 403
    assert signed[0] == 200
    assert signed[1]["number"].startswith("TN-")
    assert (answered[0], answered[1]["code"]) == (409, "wrong_state")
    assert (again[0], again[1]["code"]) == (409, "unfit_matches")
    assert again[1]["errors"][claim.uid].startswith("Another open notice names it")

    notice = TakedownNotice.objects.get()
    client.force_login(reviewer)
    now = f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M}"
    send(client, "notice_sent", notice, at=now, how="E-mail", to="agent@video.example")
    pack = evidence.request_pack(match=claim, user=reviewer)
    make_evidence()
    notice.refresh_from_db()
    client.force_login(make_user(Role.VIEWER))

    def get(name: str) -> bytes:
        answer = client.get(reverse(f"portal:{name}", args=[notice.uid]))
        assert answer.status_code == 200
        return b"".join(answer) if answer.streaming else answer.content

    # Its files are what the signature says.
    pdf, text = get("notice_pdf"), get("notice_text_file")
    assert hashlib.sha256(pdf).hexdigest() == notice.pdf_sha256
    assert hashlib.sha256(text).hexdigest() == notice.text_sha256
    with zipfile.ZipFile(io.BytesIO(get("notice_zip"))) as archive:
        assert archive.read(f"notice-{notice.reference}.pdf") == pdf
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        assert any(name.startswith("evidence/") for name in archive.namelist())

    # Evidence packs name it.
    pack.refresh_from_db()
    with zipfile.ZipFile(pack.file.path) as archive:
        named = json.loads(archive.read("case.json"))["notices"]
    assert [notice["number"] for notice in named] == [notice.reference]

    # It no longer holds when its match is undone.
    client.force_login(manager)
    assert "No longer valid" not in page(client, "notice", notice.uid)
    claim.refresh_from_db()
    deciding.undo(match=claim, user=reviewer, version=claim.version)
    assert "No longer valid: withdraw it." in page(client, "notice", notice.uid)
    send(client, "notice_withdraw", notice, why="We were wrong.")
    picture = page(client, "notice", notice.uid)
    assert "No longer valid" not in picture
    assert "We were wrong." in picture
    reopened = client.get(reverse("portal:notice_withdraw", args=[notice.uid]))
    assert (reopened.status_code, reopened.headers["Location"]) == (302, notice.url)


def test_a_notice_that_no_longer_holds_is_withdrawn_and_prepared_again(
    reviewer: User, manager: User
) -> None:
    claim, given_up = make_claim(reviewer), make_claim(reviewer)
    notice = make_sent([claim, given_up], reviewer, manager)
    deciding.release(match=given_up, user=manager, answer="Not ours.")
    while run_next(Pool.WORK):
        pass
    client = Client()
    client.force_login(manager)
    assert "Withdraw and correct" in page(client, "notice", notice.uid)

    address = reverse("portal:notice_withdraw", args=[notice.uid]) + "?then=prepare"
    sent = {"version": notice.version, "why": "One of them is not ours."}
    answer = client.post(address, sent, follow=True)

    assert answer.context["chosen"] == {claim.uid}
    assert [refusal for _match, refusal in answer.context["rows"]] == [""]
    assert answer.redirect_chain[0][0] in page(client, "notice", notice.uid)
    statement = Statement.objects.get(subject=notice.uid)
    assert "Notice withdrawn" in page(client, "statement", statement.uid)
    assert "Differs from the portal" in page(client, "notice", notice.uid)

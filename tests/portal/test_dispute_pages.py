"""Dispute pages: recorded, listed by due date, answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from review.choices import DisputeStatus, MatchState
from review.models import Dispute, Match
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory
from tests.fixtures import MakeClient
from tests.visible_text import visible_text

pytestmark = pytest.mark.django_db

LIST = "/queue/disputes/"


def move(
    client: Client, match: Match, verb: str, **fields: object
) -> Any:  # Any: the test client's response
    match.refresh_from_db()
    data = {"verb": verb, "version": match.version, **fields}
    return client.post(reverse("portal:match_dispute", args=[match.uid]), data)


def disputed(*, days_ago: int = 0) -> Match:
    return deciding.record(
        match=make_match(state=MatchState.CONFIRMED),
        user=make_user(Role.REVIEWER),
        version=1,
        code="licensed",
        received_at=datetime.now(tz=UTC) - timedelta(days=days_ago),
    )


def text_of(client: Client, path: str) -> str:
    return visible_text(client.get(path).content.decode())


def test_reviewer_records_a_dispute_and_undoes_it(reviewer: Client) -> None:
    match = make_match(state=MatchState.CONFIRMED)
    page = reviewer.get(match.review_url).content.decode()
    assert "Dispute…" in page
    assert 'aria-keyshortcuts="D"' in page

    # What is missing is said, and nothing recorded.
    fields: dict[str, str]
    for fields, why in (
        ({"code": ""}, "Choose the grounds of the dispute."),
        ({"code": "other"}, "Say what the other side objects to."),
        ({"code": "licensed", "received": "soon"}, "Enter the day as 2026-05-01."),
        ({"code": "licensed", "received": "2126-01-01"}, "in the future"),
        ({"code": "licensed", "version": "9"}, "nothing was saved"),
    ):
        answer = move(reviewer, match, "dispute", **fields)
        assert answer.status_code == 409
        page = answer.content.decode()
        assert why in page
        assert 'data-ask="dispute" open' in page
    assert move(reviewer, match, "forget").status_code == 400
    assert move(reviewer, match, "dispute", version="9" * 5000).status_code == 400
    assert reviewer.get(f"/m/{match.uid}/dispute").status_code == 405
    assert reviewer.post("/m/m_none/dispute").status_code == 404
    assert reviewer.post(LIST).status_code == 405
    assert not Dispute.objects.exists()

    move(reviewer, match, "dispute", code="licensed", note="contract 12", received="2026-11-01")
    match.refresh_from_db()
    assert match.state == MatchState.DISPUTED
    dispute = Dispute.objects.get()
    assert (dispute.statement, dispute.received_at.date().isoformat()) in [
        ("contract 12", "2026-11-01"),
        ("contract 12", "2026-10-31"),
    ]
    page = reviewer.get(match.review_url).content.decode()
    assert "The use is licensed" in page

    undo = reverse("portal:match_decide", args=[match.uid])
    fields = {"verb": "undo", "version": str(match.version)}
    question = reviewer.post(undo, fields)
    assert question.status_code == 409
    assert "The dispute is marked as recorded by mistake." in question.content.decode()
    reviewer.post(undo, fields | {"agreed": "yes"})
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


def test_manager_answers(manager: Client, reviewer: Client) -> None:
    match = disputed()
    address = match.review_url
    page = manager.get(address).content.decode()
    for verb in ("uphold", "withdraw_dispute", "release_claim"):
        assert f'data-ask="{verb}"' in page
    for key in "HWR":
        assert f'aria-keyshortcuts="{key}"' in page
    assert "Answer a dispute" in page
    assert "The other side objects to the claim." in visible_text(page)
    assert 'data-ask="uphold"' not in reviewer.get(address).content.decode()

    # A licence that covers the use is offered as the answer.
    assert "covers this use" not in page.replace("No licence covers this use", "")
    licence = make_licence(recordings=[match.recording])
    page = manager.get(address).content.decode()
    assert f"{licence.number} covers this use" in page
    assert "Release the claim, because it is licensed" in page
    answer = f'name="note" value="The licence {licence.number} covers this use."'
    assert answer in page

    # An answer needs words and a manager.
    question = move(manager, match, "uphold", note="")
    assert "Give the reason, as the other side will read it." in question.content.decode()
    refused = move(reviewer, match, "uphold", note="no")
    assert "Only a manager may answer" in refused.content.decode()
    match.refresh_from_db()
    assert match.state == MatchState.DISPUTED

    for item, verb, state, status in (
        (match, "uphold", MatchState.UPHELD, "upheld"),
        (disputed(), "withdraw_dispute", MatchState.UPHELD, "withdrawn"),
        (disputed(), "release_claim", MatchState.RELEASED, "released"),
    ):
        move(manager, item, verb, note=f"the contract ended: {status}")
        item.refresh_from_db()
        dispute = Dispute.objects.get(match=item)
        assert (item.state, dispute.status) == (state, status)
    after = text_of(manager, address)
    assert "The other side objects to the claim." not in after
    assert "The other side objected to the claim." in after
    answered = manager.get(f"{LIST}?show=answered").content.decode()
    for status in ("upheld", "withdrawn", "released"):
        assert f"the contract ended: {status}" in answered


def test_list_shows_what_is_overdue_first_and_the_page_walks_through_it(manager: Client) -> None:
    later, overdue, soon = disputed(), disputed(days_ago=40), disputed(days_ago=27)
    make_match()
    address = f"{overdue.review_url}?view=disputes"

    answer = manager.get(LIST)

    rows = [dispute.match for dispute in answer.context["page_obj"]]
    assert rows == [overdue, soon, later]
    page = answer.content.decode()
    assert address in page
    assert "Overdue: 1" in visible_text(page)
    assert "Due within 7 days: 1" in visible_text(page)
    only = manager.get(f"{LIST}?show=overdue").context["page_obj"]
    assert [dispute.match for dispute in only] == [overdue]
    queue = manager.get("/queue/").content.decode()
    assert 'data-count-of="disputes">3</span>' in queue

    picture = manager.get(f"{soon.review_url}?view=disputes")
    assert picture.context["next_url"] == f"{later.review_url}?view=disputes"
    assert picture.context["previous_url"] == address
    assert LIST in picture.content.decode()
    assert manager.get("/queue/?view=disputes").headers["Location"] == LIST

    def answer_and_follow(match: Match) -> str:
        decide = f"{reverse('portal:match_decide', args=[match.uid])}?view=disputes"
        fields = {"verb": "uphold", "version": match.version, "note": "It is ours."}
        return str(manager.post(decide, fields).headers["Location"])

    # An answered dispute has no place among the others: the most urgent one is next.
    assert answer_and_follow(soon) == address
    assert answer_and_follow(overdue) == f"{later.review_url}?view=disputes"
    # The last answer leads back to the list.
    assert answer_and_follow(later) == LIST


def test_pages_name_who_confirmed_recorded_and_answered(
    signed_in: MakeClient, reviewer: Client
) -> None:
    confirmed = deciding.confirm(
        match=make_match(), user=make_user(Role.REVIEWER, username="mira"), version=1
    )
    match = deciding.record(
        match=confirmed,
        user=make_user(Role.REVIEWER, username="ana"),
        version=confirmed.version,
        code="licensed",
    )
    admin = signed_in(Role.ADMIN)
    again = make_match(recording=match.recording)

    page = text_of(admin, match.review_url)
    assert page.count("Disputed recorded by ana, ") == 2
    assert "confirmed by mira, " in page
    assert "Disputed by mira" not in page
    form = text_of(admin, reverse("admin:review_match_change", args=[match.pk]))
    assert "Disputed recorded by ana, " in form
    assert "by mira" not in form
    earlier = text_of(admin, again.review_url)
    assert "mira" not in earlier
    assert "· ana" in earlier
    assert "ana" in text_of(admin, reverse("admin:review_dispute_changelist"))

    # A dispute is answered beside its list, too.
    preview = reverse("portal:match_preview", args=[match.uid])
    listing = admin.get(LIST).content.decode()
    assert "recorded by ana" in visible_text(listing)
    assert preview in listing
    assert 'data-ask="uphold"' in admin.get(preview).content.decode()
    looking = text_of(reviewer, preview)
    assert "The use is licensed" in looking
    assert "claim confirmed by mira, " in looking
    assert "A manager answers the dispute." in looking

    deciding.uphold(
        match=match,
        user=make_user(Role.MANAGER, username="otto"),
        version=match.version,
        answer="It is ours.",
    )
    page = text_of(admin, match.review_url)
    assert "Upheld by otto, " in page
    assert "recorded by ana" in page
    assert "It is ours. otto, " in page
    body = admin.get(reverse("api:match_disputes", args=[match.uid])).json()[0]
    assert (body["recorded_by"], body["answered_by"]) == ("ana", "otto")


def test_viewer_looks_and_records_nothing(signed_in: MakeClient) -> None:
    viewer, match = signed_in(Role.VIEWER), make_match(state=MatchState.CONFIRMED)

    assert viewer.get(LIST).status_code == 200
    assert "No dispute is open" in viewer.get(LIST).content.decode()
    assert "data-ask=" not in viewer.get(match.review_url).content.decode()
    assert move(viewer, match, "dispute", code="licensed").status_code == 403


def test_dispute_of_a_match_that_a_rescan_replaced_is_answered(manager: Client) -> None:
    match = disputed()
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_match((200_000, 220_000, 0, 20_000), scan=scan, recording=match.recording)

    assert match.review_url in manager.get(LIST).content.decode()
    assert 'value="uphold"' in manager.get(match.review_url).content.decode()
    move(manager, match, "uphold", note="It is ours.")

    assert Dispute.objects.get().status == DisputeStatus.UPHELD
    assert "No dispute is open" in manager.get(LIST).content.decode()


def changes(client: Client, dispute: Dispute, version: int, mark: str = "") -> Any:
    # Any: the test client's response
    rows = {"rows": f"{dispute.uid}:{version}"}
    headers = {"If-None-Match": mark} if mark else {}
    return client.get(reverse("portal:dispute_changes"), rows, headers=headers)


def test_open_list_shows_what_a_colleague_answered(reviewer: Client, manager: Client) -> None:
    match = disputed(days_ago=40)
    dispute, version = Dispute.objects.get(), match.version
    before = changes(reviewer, dispute, version)
    page = reviewer.get(LIST).content.decode()

    move(manager, match, "uphold", note="the contract ended in 2024")

    answer = changes(reviewer, dispute, version, before.headers["ETag"]).json()
    assert "Claim upheld" in answer["rows"][dispute.uid]
    assert "the contract ended in 2024" in answer["rows"][dispute.uid]
    assert "data-done" in answer["rows"][dispute.uid]
    assert answer["counts"]["disputes-open"] == answer["counts"]["disputes"] == "0"
    # The reminder above the list shows the new count too.
    assert answer["counts"]["disputes-overdue"] == "0"
    for name in ("overdue", "soon"):
        assert f'data-count-of="disputes-{name}"' in page
    match.refresh_from_db()
    again = changes(reviewer, dispute, match.version)
    assert again.json()["rows"] == {}
    mark = again.headers["ETag"]
    assert changes(reviewer, dispute, match.version, mark).status_code == 304

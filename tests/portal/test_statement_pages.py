"""Pages of statements: what differs and through whom, and correct, keep or withdraw."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from review.choices import MatchState
from review.models import Match
from statements import following
from statements.choices import StatementState
from statements.models import Statement
from statements.selectors import Mark
from statements.services import end_following
from tests.factories import deciding
from tests.factories.accounts import make_limited, make_user
from tests.factories.review import make_match
from tests.factories.statements import make_statement, register_plain
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    register_plain(monkeypatch)


@pytest.fixture
def mira(db: None) -> User:
    return make_user(Role.MANAGER, username="mira")


def work_off() -> None:
    while run_next(Pool.WORK):
        pass


def reject(match: Match, user: User) -> None:
    deciding.reject(match=match, user=user, reason="noise")


def list_page(client: Client, **query: str) -> str:
    answer = client.get(reverse("portal:statement_list"), query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def differing(mira: User, count: int = 1) -> Statement:
    """Return an approved statement about matches of one file that mira rejected then."""
    matches = [make_match() for _number in range(count)]
    statement = make_statement(*matches, user=make_user(Role.REVIEWER, username="ana"))
    for match in matches:
        reject(match, mira)
    work_off()
    statement.refresh_from_db()
    return statement


def test_the_list_says_what_differs_and_who_changed_it(mira: User, signed_in: MakeClient) -> None:
    statement = differing(mira, count=5)
    client = signed_in(Role.REVIEWER)

    message = list_page(client)

    assert statement.name in message
    assert "Approved" in message
    assert "<strong>mira</strong>" in message
    assert message.count("is stated in another place.") == 3
    assert "and 2 more" in message
    assert '/#correct"' in message
    page = client.get(reverse("portal:statement", args=[statement.uid]))
    assert page.content.decode().count("is stated in another place.") == 5
    assert "1 statement to correct" in " ".join(
        client.get(reverse("portal:dashboard")).content.decode().split()
    )


def test_the_chips_count_what_they_lead_to(mira: User, signed_in: MakeClient) -> None:
    statement = differing(mira)
    client = signed_in(Role.REVIEWER)

    for query, count in (({}, 1), ({"q": "No such name"}, 0), ({"q": statement.name}, 1)):
        answer = client.get(reverse("portal:statement_list"), query)
        assert answer.context["counts"]["correct"] == count


def test_the_page_of_a_statement_without_files_leads_to_them(signed_in: MakeClient) -> None:
    statement = make_statement(make_match(), user=make_user(Role.REVIEWER))
    statement.files.all().delete()
    page = reverse("portal:statement", args=[statement.uid])

    text = " ".join(signed_in(Role.VIEWER).get(page).content.decode().split())

    assert f'Its files are on <a href="/m/{statement.subject}/">its own page</a>.' in text


def test_a_statement_is_kept_with_the_differences_that_the_person_saw(
    mira: User, signed_in: MakeClient
) -> None:
    statement = differing(mira)
    client = signed_in(Role.REVIEWER)
    address = reverse("portal:statement_keep", args=[statement.uid])
    seen = client.get(address).context["form"].initial["differs"]

    unsaid = client.post(address, {"differs": seen, "why": ""})
    stale = client.post(address, {"differs": "0" * 64, "why": "Agreed by phone."})
    answer = client.post(address, {"differs": seen, "why": "Agreed by phone."})

    assert (unsaid.status_code, stale.status_code) == (200, 409)
    assert answer.status_code == 302
    assert statement.name not in list_page(client)
    assert "Agreed by phone." in list_page(client, show="kept")


def test_a_statement_is_withdrawn_by_the_rules_of_its_kind(
    mira: User, signed_in: MakeClient
) -> None:
    statement = differing(mira)
    address = reverse("portal:statement_withdraw", args=[statement.uid])

    reviewer, manager = signed_in(Role.REVIEWER), signed_in(Role.MANAGER)
    refused = reviewer.post(address, {"why": "Wrong."})
    page = reviewer.get(address, follow=True)
    manager.post(address, {"why": "Wrong."})

    assert refused.status_code == 409
    # The page of the statement says why, and nobody fills in the form in vain.
    assert page.redirect_chain == [(statement.page_url, 302)]
    assert page.content.decode().count("Only a manager may withdraw it.") == 2
    statement.refresh_from_db()
    assert statement.state == StatementState.WITHDRAWN
    assert statement.steps.latest("pk").note == "Wrong."
    for step in ("keep", "withdraw"):
        page = manager.get(reverse(f"portal:statement_{step}", args=[statement.uid]), follow=True)
        assert "It is withdrawn already." in page.content.decode()
        assert 'name="why"' not in page.content.decode()


@pytest.mark.parametrize("end", ["replaced", "withdrawn", "followed no more"])
def test_a_statement_that_nobody_relies_on_any_more_asks_for_nothing(
    mira: User, signed_in: MakeClient, end: str
) -> None:
    statement = differing(mira)
    client = signed_in(Role.MANAGER)
    assert "What it says otherwise" in client.get(statement.page_url).content.decode()

    if end == "replaced":
        make_statement(Match.objects.get(uid=statement.subject), user=mira)
    elif end == "withdrawn":
        client.post(reverse("portal:statement_withdraw", args=[statement.uid]), {"why": "Wrong."})
    else:
        end_following(kind=statement.kind, subjects=[statement.subject])
        following.note_all()

    page = client.get(statement.page_url).content.decode()
    assert "is stated in another place." not in page + list_page(client, show="all")
    for offer in ("What it says otherwise", "Correct…", "Keep…"):
        assert offer not in page


def test_limits_hide_statements_sentences_files_and_who_changed_them(
    mira: User, client: Client
) -> None:
    statement, other_match = differing(mira, count=2), make_match(state=MatchState.CONFIRMED)
    make_statement(other_match)
    recording = Match.objects.get(uid=statement.subject).recording
    limited = make_limited(Role.REVIEWER, buckets=[recording.bucket_id])
    client.force_login(limited)

    message = list_page(client, show="all")

    assert other_match.scanned_file.name not in message
    assert message.count("is stated in another place.") == 1
    assert "and 1 that you may not see" in message
    address = reverse("portal:statement_keep", args=[statement.uid])
    seen = {"differs": statement.differs_sha256, "why": "Fine."}
    assert "You cannot read all of this" in client.post(address, seen).content.decode()
    page = reverse("portal:statement", args=[statement.uid])
    assert "Uses that you may not see are left out." in client.get(page).content.decode()


def test_the_files_of_a_statement_are_those_that_were_approved(
    mira: User, signed_in: MakeClient
) -> None:
    statement = differing(mira)
    page = reverse("portal:statement", args=[statement.uid])
    viewer, reviewer = signed_in(Role.VIEWER), signed_in(Role.REVIEWER)

    file = reviewer.get(f"{page}files/txt")

    assert "ab" * 32 in viewer.get(page).content.decode()
    assert viewer.get(f"{page}files/txt").status_code == 403
    (download,) = Event.objects.filter(action="report.exported")
    assert (download.case, download.after["sha256"]) == (f"report:{statement.subject}", "ab" * 32)
    assert b"".join(file.streaming_content) == b"As approved."  # type: ignore[attr-defined]  # a file is streamed


def test_who_looks_at_a_match_changes_nothing_that_was_stated_of_it() -> None:
    looked_at = Mark(None, MatchState.PENDING, MatchState.IN_REVIEW)
    decided = Mark(None, MatchState.PENDING, MatchState.CONFIRMED)

    assert not looked_at.has_changed
    assert decided.has_changed

"""Reviewing matches in the admin: list, page, decisions, bulk actions, export."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.roles import Role
from audit.models import Event
from review.choices import MatchState
from review.services import locks
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.portal.admin_matches import LIST, SignIn, decide, page, text, user

pytestmark = pytest.mark.django_db

NOW = datetime.now(tz=UTC)


def titles(client: Client, query: str) -> set[str]:
    """Return the titles that the list shows."""
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    return {match.recording.title for match in response.context["cl"].result_list}


def test_list_shows_state_score_and_places(sign_in: SignIn) -> None:
    make_match(recording__title="Glass Harbour")

    shown = text(sign_in(Role.VIEWER).get(LIST))

    assert "Glass Harbour" in shown
    assert "badge--state-pending" in shown
    assert 'class="mini"' in shown
    assert ">88<" in shown


def test_list_needs_a_fixed_number_of_queries(sign_in: SignIn) -> None:
    client = sign_in(Role.REVIEWER)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST).status_code == 200
        return len(captured)

    make_match()
    few = queries()
    for _ in range(8):
        make_match()

    assert queries() == few
    assert few <= 14


def test_filters_find_their_own(sign_in: SignIn) -> None:
    wanted = make_match(recording__title="wanted", score=Decimal("55.0"))
    make_match(recording__title="other", score=Decimal("95.0"))
    make_match(recording__title="done", state=MatchState.CONFIRMED)
    client = sign_in(Role.VIEWER)

    for query in (
        "state=waiting&score=50",
        f"scanned_file__container__id__exact={wanted.scanned_file.container_id}",
        f"recording__bucket__id__exact={wanted.recording.bucket_id}",
        "queue_reason__exact=low_score",
        "q=wanted",
        f"q={wanted.scanned_file.name}",
    ):
        assert titles(client, query) == {"wanted"}, query
    assert titles(client, "state=confirmed") == {"done"}
    assert titles(client, "age=older") == set()
    assert titles(client, "lock=free") == {"wanted", "other", "done"}


def test_superseded_matches_are_hidden_until_asked_for(sign_in: SignIn) -> None:
    make_match(recording__title="old", state=MatchState.SUPERSEDED)

    client = sign_in(Role.VIEWER)

    assert titles(client, "") == set()
    assert titles(client, "state=superseded") == {"old"}


def test_page_shows_the_evidence(sign_in: SignIn) -> None:
    match = make_match(
        (70_000, 90_000, 5_000, 25_000),
        (200_000, 230_000, 40_000, 70_000),
        recording__title="Glass Harbour",
        scan__scanned_file__proxy="files/a.webm",
        recording__proxy="recordings/a.webm",
    )
    make_match(scan__scanned_file=match.scanned_file)

    shown = text(sign_in(Role.REVIEWER).get(page(match)))

    assert "1:10.000 – 1:30.000" in shown
    assert "3:20.000 – 3:50.000" in shown
    assert reverse("portal:file_audio", args=[match.scanned_file.uid]) in shown
    assert reverse("portal:recording_audio", args=[match.recording.uid]) in shown
    assert shown.count("data-sound-play") == 2
    assert "This match" in shown
    assert "found" in shown


def test_page_names_the_missing_audio(sign_in: SignIn) -> None:
    shown = text(sign_in(Role.REVIEWER).get(page(make_match())))

    assert "The audio is not stored here" in shown


@pytest.mark.parametrize("segment", ["2", "0", "99", "x", "²"])
def test_page_takes_any_segment_number(sign_in: SignIn, segment: str) -> None:
    match = make_match((0, 9_000, 0, 9_000), (20_000, 29_000, 0, 9_000))

    response = sign_in(Role.VIEWER).get(page(match), {"segment": segment})

    assert response.status_code == 200


def test_page_has_no_editable_field(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.ADMIN)

    response = client.post(page(match), {"state": "confirmed"})

    assert response.status_code == 403
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert "<select" not in text(client.get(page(match)))


def test_page_uses_no_inline_script_or_style(sign_in: SignIn) -> None:
    client = sign_in(Role.REVIEWER)
    match = make_match()

    for address in (LIST, page(match), decide(match, "reject")):
        shown = text(client.get(address))
        assert " style=" not in shown
        assert "onclick" not in shown
        assert "<script>" not in shown


def test_reviewer_sees_the_buttons_and_a_viewer_does_not(sign_in: SignIn) -> None:
    match = make_match()

    as_viewer = text(sign_in(Role.VIEWER).get(page(match)))
    as_reviewer = text(sign_in(Role.REVIEWER).get(page(match)))

    assert decide(match, "confirm") not in as_viewer
    assert "may view matches but not decide them" in as_viewer
    for verb in ("confirm", "clear", "reject", "escalate"):
        assert decide(match, verb) in as_reviewer
    assert decide(match, "undo") not in as_reviewer


def test_confirm_takes_one_press_and_writes_one_event(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    response = client.post(decide(match, "confirm"), {"version": 1}, follow=True)

    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    assert match.decided_by == user(Role.REVIEWER)
    assert Event.objects.filter(case=match.case, action="confirm").count() == 1
    assert ": confirmed." in text(response)
    assert decide(match, "undo") in text(response)


def test_undo_takes_one_press(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    client.post(decide(match, "confirm"), {"version": 1})

    client.post(decide(match, "undo"), {"version": 2})

    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_reject_asks_for_a_code(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    asked = text(client.get(decide(match, "reject"), {"version": 1}))
    without = client.post(decide(match, "reject"), {"version": 1})
    other = client.post(decide(match, "reject"), {"version": 1, "code": "other"})
    client.post(
        decide(match, "reject"),
        {"version": 1, "code": "other", "note": "a jingle"},
    )

    assert "Shared loop" in asked
    assert without.status_code == 200
    assert "Choose why the match is rejected." in text(without)
    assert "Say in the note why the match is rejected." in text(other)
    match.refresh_from_db()
    assert (match.state, match.decision_reason) == (MatchState.REJECTED, "other")
    assert match.note == "a jingle"


@pytest.mark.parametrize(
    ("verb", "state"),
    [("clear", MatchState.CLEARED), ("escalate", MatchState.ESCALATED)],
)
def test_clear_and_escalate_need_words(
    sign_in: SignIn, verb: str, state: MatchState
) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    client.post(decide(match, verb), {"version": 1, "note": " "})
    match.refresh_from_db()
    assert match.state == MatchState.PENDING

    client.post(decide(match, verb), {"version": 1, "note": "see contract 7"})
    match.refresh_from_db()
    assert match.state == state


def test_stale_page_saves_nothing_and_says_so(sign_in: SignIn) -> None:
    match = make_match()
    colleague = make_user(Role.REVIEWER, username="ben")
    deciding.escalate(match=match, user=colleague, version=1, note="whose?")
    client = sign_in(Role.MANAGER)

    response = client.post(decide(match, "confirm"), {"version": 1}, follow=True)

    assert "Changed by ben at" in text(response)
    assert "nothing was saved" in text(response)
    match.refresh_from_db()
    assert match.state == MatchState.ESCALATED


def test_version_that_travelled_with_the_question_is_the_one_that_counts(
    sign_in: SignIn,
) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    locks.take_lock(match=match, user=user(Role.REVIEWER))

    asked = text(client.get(decide(match, "clear"), {"version": 1}))

    assert 'name="version" value="1"' in asked


@pytest.mark.parametrize("version", ["", "x", "9" * 5000])
def test_version_that_is_none_asks_again(sign_in: SignIn, version: str) -> None:
    match = make_match()
    client = sign_in(Role.MANAGER)

    asked = text(client.post(decide(match, "confirm"), {"version": version}))

    assert 'name="version" value="1"' in asked
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_match_held_by_another_shows_who(sign_in: SignIn) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))
    client = sign_in(Role.REVIEWER)

    shown = text(client.get(page(match)))
    refused = client.post(decide(match, "confirm"), {"version": 2}, follow=True)

    assert "ben is reviewing this until" in shown
    assert decide(match, "confirm") not in shown
    assert "ben is reviewing this until" in text(refused)


@pytest.mark.parametrize("method", ["get", "post"])
def test_viewer_may_not_decide(sign_in: SignIn, method: str) -> None:
    match = make_match()
    client = sign_in(Role.VIEWER)

    response = getattr(client, method)(decide(match, "confirm"), {"version": 1})

    assert response.status_code == 403


def test_unknown_verb_or_match_is_not_found(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    assert client.get(decide(match, "destroy")).status_code == 404
    missing = reverse("admin:review_match_decide", args=[999_999, "confirm"])
    assert client.get(missing).status_code == 404


def test_decision_without_a_version_asks_again(sign_in: SignIn) -> None:
    match = make_match()

    response = sign_in(Role.REVIEWER).post(decide(match, "confirm"))

    assert response.status_code == 200
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_a_licence_that_covers_the_use_may_be_chosen(sign_in: SignIn) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], holder="Harbour FM")
    client = sign_in(Role.REVIEWER)

    asked = text(client.get(decide(match, "clear"), {"version": 1}))
    neither = text(client.post(decide(match, "clear"), {"version": 1, "licence": ""}))
    client.post(decide(match, "clear"), {"version": 1, "licence": licence.uid})

    assert f"{licence.number} Harbour FM" in asked
    assert "Another reason, given below" in asked
    assert "Say why the use is allowed, or choose a licence." in neither
    match.refresh_from_db()
    assert (match.state, match.licence) == (MatchState.CLEARED, licence)
    assert Event.objects.filter(case=match.case, action="clear").count() == 1


def test_the_question_shows_the_evidence_and_its_segments(sign_in: SignIn) -> None:
    match = make_match(
        (0, 9_000, 0, 9_000),
        (20_000, 29_000, 0, 9_000),
        scan__scanned_file__proxy="files/a.webm",
    )

    asked = text(sign_in(Role.REVIEWER).get(decide(match, "reject"), {"version": 1}))

    assert "Segment 1 of 2" in asked
    assert "?version=1&amp;segment=2" in asked
    assert "data-sound-play" in asked


def test_a_file_that_was_deleted_meanwhile_is_no_longer_decided(
    sign_in: SignIn,
) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    shown = text(client.get(page(match)))
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(deleted_at=NOW)

    answer = text(client.post(decide(match, "confirm"), {"version": 1, "standing": ""}))

    assert 'name="standing" value=""' in shown
    assert "was deleted in the meantime, so nothing was saved" in answer
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    # The page says it now, so the person may decide knowingly.
    client.post(decide(match, "confirm"), {"version": 1, "standing": "deleted"})
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


def test_a_stale_question_shows_the_present_and_can_be_sent_again(
    sign_in: SignIn,
) -> None:
    match = make_match()
    deciding.escalate(match=match, user=make_user(Role.REVIEWER), version=1, note="?")
    client = sign_in(Role.MANAGER)
    sent = {"version": 1, "code": "noise", "note": "typed text"}

    refused = text(client.post(decide(match, "reject"), sent))
    client.post(decide(match, "reject"), sent | {"version": 2})

    assert "typed text" in refused
    assert 'name="version" value="2"' in refused
    match.refresh_from_db()
    assert match.state == MatchState.REJECTED


def test_what_was_typed_survives_the_end_of_the_session(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    client.logout()

    sent = {"version": 1, "code": "other", "note": "a jingle"}
    gone = client.post(decide(match, "reject"), sent)
    sign_in(Role.REVIEWER)
    again = text(client.get(decide(match, "reject")))

    assert reverse("account_login") in gone["Location"]
    assert "You were signed out, so nothing was saved." in again
    assert "a jingle" in again
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_a_note_is_kept_in_the_history(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    address = reverse("admin:review_match_note", args=[match.pk])

    empty = client.post(address, {"note": " "}, follow=True)
    kept = client.post(address, {"note": "Heard on air"}, follow=True)

    assert "Note added to the history." in text(kept)
    assert "Note added to the history." not in text(empty)
    assert Event.objects.get(case=match.case, action="note").note == "Heard on air"
    assert sign_in(Role.VIEWER).post(address, {"note": "x"}).status_code == 403


def test_a_manager_takes_over_a_lock_and_releases_it(sign_in: SignIn) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))
    address = reverse("admin:review_match_lock", args=[match.pk])

    refused = sign_in(Role.REVIEWER).post(address, {"break": "yes"}, follow=True)
    assert "Only a manager may break somebody else" in text(refused)
    assert "Take over" not in text(refused)

    client = sign_in(Role.MANAGER)
    assert "Take over" in text(client.get(page(match)))
    taken = client.post(address, {"break": "yes"}, follow=True)
    match.refresh_from_db()
    assert match.locked_by == user(Role.MANAGER)
    assert "Release the review lock" in text(taken)

    client.post(address)
    match.refresh_from_db()
    assert match.state == MatchState.PENDING

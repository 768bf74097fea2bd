"""Reviewing matches in the admin: list, page, decisions, bulk actions, export."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Recording, RecordingStatus
from review.choices import MatchState
from review.models import Match
from review.services import locks
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.portal.admin_matches import LIST, SignIn, decide, page, text, user
from tests.portal.queries import queries_of

pytestmark = pytest.mark.django_db

NOW = datetime.now(tz=UTC)


def titles(query: str) -> set[str]:
    """Return the titles that the list shows a reviewer."""
    request = RequestFactory().get(f"{LIST}?{query}")
    request.user = user(Role.REVIEWER)
    change_list = admin.site.get_model_admin(Match).get_changelist_instance(request)
    return {match.recording.title for match in change_list.result_list}


def test_list_shows_matches_and_filters_find_their_own(sign_in: SignIn) -> None:
    match = make_match(recording__title="wanted", score=Decimal("55.0"))
    make_match(recording__title="other", score=Decimal("95.0"))
    make_match(recording__title="done", state=MatchState.CONFIRMED)
    client = sign_in(Role.REVIEWER)

    listing = text(client.get(LIST))
    assert "wanted" in listing
    assert "badge--state-pending" in listing
    assert 'class="mini"' in listing
    assert ">88<" in listing

    for query in (
        "state=waiting&score=50",
        f"scanned_file__container__id__exact={match.scanned_file.container_id}",
        f"recording__bucket__id__exact={match.recording.bucket_id}",
        "queue_reason__exact=low_score",
        "q=wanted",
        f"q={match.scanned_file.name}",
    ):
        assert titles(query) == {"wanted"}, query
    assert titles("state=confirmed") == {"done"}
    assert titles("age=older") == set()
    assert titles("lock=free") == {"wanted", "other", "done"}
    assert titles("") == {"wanted", "other", "done"}

    few = queries_of(client, LIST)
    for _ in range(8):
        make_match()
    assert queries_of(client, LIST) == few
    assert few <= 14


def test_page_and_question_show_the_evidence(sign_in: SignIn) -> None:
    match = make_match(
        (70_000, 90_000, 5_000, 25_000),
        (200_000, 230_000, 40_000, 70_000),
        recording__title="Glass Harbour",
        scan__scanned_file__proxy="files/a.webm",
        recording__proxy="recordings/a.webm",
    )
    make_match(scan__scanned_file=match.scanned_file)
    client = sign_in(Role.REVIEWER)

    match_page = text(client.get(page(match)))
    question = text(client.get(decide(match, "reject"), {"version": 1}))

    assert "1:10.000 – 1:30.000" in match_page
    assert "3:20.000 – 3:50.000" in match_page
    assert reverse("portal:file_audio", args=[match.scanned_file.uid]) in match_page
    assert reverse("portal:recording_audio", args=[match.recording.uid]) in match_page
    assert match_page.count("data-sound-play") == 2
    assert "This match" in match_page
    assert "found" in match_page
    assert "Segment 1 of 2" in question
    assert "?version=1&amp;segment=2" in question
    assert "data-sound-play" in question
    for segment in ("2", "0", "99", "x", "²"):
        answer = client.get(page(match), {"segment": segment})
        assert answer.status_code == 200, segment


def test_each_role_is_offered_what_it_may_do(sign_in: SignIn) -> None:
    match = make_match()
    confirm = decide(match, "confirm")

    viewer = sign_in(Role.VIEWER)
    as_viewer = text(viewer.get(page(match)))
    assert confirm not in as_viewer
    assert "may view matches but not decide them" in as_viewer
    for ask in (viewer.get, viewer.post):
        assert ask(confirm, {"version": 1}).status_code == 403

    reviewer = sign_in(Role.REVIEWER)
    as_reviewer = text(reviewer.get(page(match)))
    for verb in ("confirm", "clear", "reject", "escalate"):
        assert decide(match, verb) in as_reviewer
    assert decide(match, "undo") not in as_reviewer
    assert "The audio is not stored here" in as_reviewer
    assert reviewer.get(decide(match, "destroy")).status_code == 404
    missing = reverse("admin:review_match_decide", args=[999_999, "confirm"])
    assert reviewer.get(missing).status_code == 404

    # Nobody edits a match as a form.
    admin = sign_in(Role.ADMIN)
    assert admin.post(page(match), {"state": "confirmed"}).status_code == 403
    assert "<select" not in text(admin.get(page(match)))
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_confirm_and_undo_take_one_press_and_write_one_event(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    response = client.post(decide(match, "confirm"), {"version": 1}, follow=True)

    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    assert match.decided_by == user(Role.REVIEWER)
    assert Event.objects.filter(case=match.case, action="confirm").count() == 1
    assert ": confirmed." in text(response)
    assert decide(match, "undo") in text(response)

    client.post(decide(match, "undo"), {"version": 2})

    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_reject_asks_for_a_code(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    question = text(client.get(decide(match, "reject"), {"version": 1}))
    without = client.post(decide(match, "reject"), {"version": 1})
    other_answer = client.post(decide(match, "reject"), {"version": 1, "code": "other"})
    client.post(decide(match, "reject"), {"version": 1, "code": "other", "note": "a jingle"})

    assert "Shared loop" in question
    assert without.status_code == 200
    assert "Choose why the match is rejected." in text(without)
    assert "Say in the note why the match is rejected." in text(other_answer)
    match.refresh_from_db()
    assert (match.state, match.decision_reason) == (MatchState.REJECTED, "other")
    assert match.note == "a jingle"


def test_stale_page_saves_nothing_and_can_be_sent_again(sign_in: SignIn) -> None:
    match = make_match()
    colleague = make_user(Role.REVIEWER, username="ben")
    deciding.escalate(match=match, user=colleague, version=1, note="whose?")
    client = sign_in(Role.MANAGER)

    response = client.post(decide(match, "confirm"), {"version": 1}, follow=True)

    assert "Changed by ben at" in text(response)
    assert "nothing was saved" in text(response)
    match.refresh_from_db()
    assert match.state == MatchState.ESCALATED

    # A question keeps what was typed and shows the present.
    sent = {"version": 1, "code": "noise", "note": "typed text"}
    refused = text(client.post(decide(match, "reject"), sent))
    client.post(decide(match, "reject"), sent | {"version": 2})

    assert "typed text" in refused
    assert 'name="version" value="2"' in refused
    match.refresh_from_db()
    assert match.state == MatchState.REJECTED


def test_a_version_that_is_none_asks_again(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.MANAGER)

    sent: list[dict[str, str]] = [{}, *({"version": odd} for odd in ("", "x", "9" * 5000))]
    for fields in sent:
        answer = client.post(decide(match, "confirm"), fields)
        assert answer.status_code == 200
        assert 'name="version" value="1"' in text(answer)
    match.refresh_from_db()
    assert match.state == MatchState.PENDING

    # The version that travelled with the question counts, not that of the row.
    locks.take_lock(match=match, user=user(Role.MANAGER))
    question = text(client.get(decide(match, "clear"), {"version": 1}))
    assert 'name="version" value="1"' in question


def test_a_licence_that_covers_the_use_may_be_chosen(sign_in: SignIn) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], holder="Harbour FM")
    client = sign_in(Role.REVIEWER)

    question = text(client.get(decide(match, "clear"), {"version": 1}))
    neither = text(client.post(decide(match, "clear"), {"version": 1, "licence": ""}))
    client.post(decide(match, "clear"), {"version": 1, "licence": licence.uid})

    assert f"{licence.number} Harbour FM" in question
    assert "Another reason, given below" in question
    assert "Say why the use is allowed, or choose a licence." in neither
    match.refresh_from_db()
    assert (match.state, match.licence) == (MatchState.CLEARED, licence)
    assert Event.objects.filter(case=match.case, action="clear").count() == 1


def test_a_file_that_was_deleted_meanwhile_is_no_longer_decided(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    match_page = text(client.get(page(match)))
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(deleted_at=NOW)

    answer = text(client.post(decide(match, "confirm"), {"version": 1, "standing": ""}))

    assert 'name="standing" value=""' in match_page
    assert "was deleted in the meantime, so nothing was saved" in answer
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    # It waits for nobody, and the list marks it.
    assert titles("state=waiting") == set()
    assert "Deleted" in text(client.get(LIST))
    file_page = reverse("portal:file_detail", args=[match.scanned_file.uid])
    assert f'href="{file_page}"' in match_page
    assert f'href="{file_page}"' not in text(client.get(page(match)))
    # The page says it now, so the person may decide knowingly.
    client.post(decide(match, "confirm"), {"version": 1, "standing": "deleted"})
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


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
    answer = client.post(address, {"note": "Heard on air"}, follow=True)

    assert "Note added to the history." in text(answer)
    assert "Note added to the history." not in text(empty)
    assert Event.objects.get(case=match.case, action="note").note == "Heard on air"
    assert sign_in(Role.VIEWER).post(address, {"note": "x"}).status_code == 403


def test_a_lock_is_respected_until_a_manager_takes_it_over(sign_in: SignIn) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))
    address = reverse("admin:review_match_lock", args=[match.pk])

    client = sign_in(Role.REVIEWER)
    match_page = text(client.get(page(match)))
    answer = client.post(decide(match, "confirm"), {"version": 2}, follow=True)
    refused = client.post(address, {"break": "yes"}, follow=True)
    assert "ben is reviewing this until" in match_page
    assert decide(match, "confirm") not in match_page
    assert "ben is reviewing this until" in text(answer)
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


def test_a_match_of_a_retired_or_merged_recording_says_so(sign_in: SignIn) -> None:
    retired, merged = make_match(), make_match()
    stays = RecordingFactory.create(title="Stays")
    gone = Recording.objects.filter(pk__in=[retired.recording_id, merged.recording_id])
    gone.update(status=RecordingStatus.RETIRED)
    gone.filter(pk=merged.recording_id).update(merged_into=stays)
    client = sign_in(Role.MANAGER)

    assert "The recording was retired" in text(client.get(page(retired)))
    assert stays.uid in text(client.get(page(merged)))

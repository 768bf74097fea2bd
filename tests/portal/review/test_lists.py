"""Lists of matches that stay open: the preview of a row, and what others changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.roles import Role
from catalogue.models import Recording, RecordingStatus
from review.choices import MatchState
from review.decisions import assignment
from review.models import Match
from review.services import locks, saved_views
from tests.conftest import MakeClient
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.portal.review.reviewing import decide

CHANGES = "/queue/changes/"


def known(*matches: Match) -> str:
    return " ".join(f"{match.uid}:{match.version}--" for match in matches)


def test_preview_shows_both_sounds_reason_and_verbs(client: Client) -> None:
    match = make_match(match={"queue_reason": "low_score"})

    page = client.get(f"/m/{match.uid}/preview").content.decode()

    assert "data-pair" in page
    assert "ribbon--review" in page
    assert "Low score" in page
    for verb in ("confirm", "clear", "reject", "escalate"):
        assert f'data-decide="{verb}"' in page
    assert "<html" not in page


def test_a_match_is_assigned_from_its_preview(client: Client) -> None:
    match = make_match()
    make_user(Role.REVIEWER, username="lena")

    page = client.get(f"/m/{match.uid}/preview?list=/queue/").content.decode()
    fields = {"verb": "assign", "expected": f"{match.uid}:{match.version}"}
    asked = client.post("/queue/decide/", {**fields, "who": "lena"}).content.decode()

    assert 'data-palette="Assign this match"' in page
    assert 'data-palette-rest="who"' in page
    assert f'value="{fields["expected"]}"' in page
    assert "nobody" in page
    assert "selected>lena</option>" in asked


def test_preview_says_that_the_recording_was_retired(client: Client) -> None:
    match = make_match()
    Recording.objects.update(status=RecordingStatus.RETIRED)

    page = client.get(f"/m/{match.uid}/preview").content.decode()

    assert "The recording was retired" in page


def test_preview_takes_no_lock(client: Client) -> None:
    match = make_match()

    client.get(f"/m/{match.uid}/preview")

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert match.locked_by is None


def test_narrow_lists_ask_for_the_verbs_alone(client: Client) -> None:
    match = make_match()

    page = client.get(f"/m/{match.uid}/preview?bar=yes").content.decode()

    assert 'data-decide="confirm"' in page
    assert "data-pair" not in page


def test_preview_of_a_held_match_says_who_holds_it(client: Client) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))

    page = client.get(f"/m/{match.uid}/preview").content.decode()

    assert "ben is reviewing this until" in page
    assert 'data-decide="confirm"' not in page
    # Listening asks for no lock that would be refused.
    assert 'data-takes=""' in page


def test_a_row_is_drawn_again_once_its_recording_is_retired(client: Client) -> None:
    match, other = make_match(), make_match()
    Recording.objects.filter(pk=match.recording_id).update(
        status=RecordingStatus.RETIRED
    )

    drawn = client.get(CHANGES, {"rows": known(match, other)}).json()["rows"]

    assert list(drawn) == [match.uid]
    assert "data-retired" in drawn[match.uid]


@pytest.mark.parametrize(
    ("role", "state", "said"),
    [
        (
            Role.REVIEWER,
            MatchState.CONFIRMED,
            "This match is confirmed. You can: Record a dispute. "
            "A manager can: Release the claim.",
        ),
        (
            Role.REVIEWER,
            MatchState.ESCALATED,
            "This match is escalated. "
            "A manager can: Confirm, Clear, Reject, Exclude an interval, Reopen.",
        ),
        (
            Role.MANAGER,
            MatchState.REJECTED,
            "This match is rejected. You can: Reopen.",
        ),
        (
            Role.VIEWER,
            MatchState.PENDING,
            "Your role may view matches but not decide them.",
        ),
    ],
)
def test_a_key_without_a_verb_says_the_state_and_who_can_do_what(
    role: Role, state: str, said: str, signed_in: MakeClient
) -> None:
    match = make_match(state=state)
    client = signed_in(role)

    for address in (f"/m/{match.uid}/preview", f"/m/{match.uid}"):
        page = client.get(address).content.decode()

        assert f'data-cannot="{said}"' in page


def test_viewer_sees_the_preview_without_verbs(signed_in: MakeClient) -> None:
    match = make_match()

    page = signed_in(Role.VIEWER).get(f"/m/{match.uid}/preview").content.decode()

    assert "data-pair" in page
    assert "data-decide" not in page


def test_unchanged_list_answers_304(client: Client) -> None:
    match = make_match()
    first = client.get(CHANGES, {"rows": known(match)})

    again = client.get(
        CHANGES, {"rows": known(match)}, headers={"If-None-Match": first["ETag"]}
    )

    assert first.json()["rows"] == {}
    assert first.json()["counts"]["waiting"] == "1"
    assert again.status_code == 304


def test_304_needs_few_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    match = make_match()
    mark = client.get(CHANGES, {"rows": known(match)})["ETag"]

    # Session, user, and the rights of the user; then the newest event and the rows.
    with django_assert_max_num_queries(7):
        client.get(CHANGES, {"rows": known(match)}, headers={"If-None-Match": mark})


def test_row_that_somebody_took_comes_back_with_the_holder(client: Client) -> None:
    match, other = make_match(), make_match()
    rows = known(match, other)
    mark = client.get(CHANGES, {"rows": rows})["ETag"]
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))

    answer = client.get(CHANGES, {"rows": rows}, headers={"If-None-Match": mark})

    changed = answer.json()["rows"]
    assert list(changed) == [match.uid]
    assert "ben" in changed[match.uid]
    assert "data-foreign" in changed[match.uid]


def test_decided_row_stays_with_its_state_and_leaves_the_counts(client: Client) -> None:
    match, _other = make_match(), make_match()
    rows = known(match)
    decide(client, match, "confirm")

    answer = client.get(CHANGES, {"rows": rows}).json()

    assert "Confirmed" in answer["rows"][match.uid]
    assert "data-done" in answer["rows"][match.uid]
    assert answer["counts"]["waiting"] == "1"
    assert answer["counts"]["total"] == "1"
    assert answer["counts"]["menu"] == "1"


def test_lock_that_ends_by_itself_changes_the_row(client: Client, ana: User) -> None:
    match = make_match()
    locks.take_lock(match=match, user=ana)
    match.refresh_from_db()

    shown = f"{match.uid}:{match.version}-held-"
    assert client.get(CHANGES, {"rows": shown}).json()["rows"] == {}
    Match.objects.filter(pk=match.pk).update(locked_until=match.created_at)

    assert match.uid in client.get(CHANGES, {"rows": shown}).json()["rows"]


def test_assignee_comes_back_although_the_version_stays(
    client: Client, ana: User
) -> None:
    match = make_match()
    rows = known(match)
    assignment.assign(match=match, user=ana, assignee=ana)

    assert match.uid in client.get(CHANGES, {"rows": rows}).json()["rows"]


def test_list_of_all_matches_has_its_own_rows(client: Client) -> None:
    match = make_match(state=MatchState.CONFIRMED)

    answer = client.get("/matches/changes/", {"rows": f"{match.uid}:0"}).json()

    assert "Confirmed" in answer["rows"][match.uid]
    assert answer["counts"]["total"] == "1"


def test_saved_view_has_its_own_count(client: Client, ana: User) -> None:
    make_match(match={"queue_reason": "low_score"})
    make_match()
    view = saved_views.save(
        user=ana, name="Low", query="reason=low_score", is_default=False
    )

    assert client.get(CHANGES).json()["counts"][f"view-{view.uid}"] == "1"


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("assignee=ana", ["mine"]),
        ("assignee=(nobody)", ["late", "long"]),
        ("due=overdue", ["late"]),
        ("due=none", ["mine", "long"]),
        ("length_min=60", ["long"]),
        ("length_max=59.5", ["mine", "late"]),
        ("programme=even", ["mine"]),
        ("engine=embedded&length_min=60", ["long"]),
        ("engine=acrcloud", []),
        ("due=sometime&length_min=x&engine=y", ["mine", "late", "long"]),
    ],
)
def test_filters_of_assignee_due_length_programme_and_engine(
    client: Client, ana: User, query: str, fits: list[str]
) -> None:
    matches = {
        "mine": make_match(match={"assignee": ana}),
        "late": make_match(match={"due_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        "long": make_match((0, 90_000, 0, 90_000)),
    }
    file = matches["mine"].scanned_file
    file.programme = "Evening news"
    file.save()

    rows = client.get("/queue/?" + query.replace("(", "%28")).context["rows"]

    assert {row.match.pk for row in rows} == {matches[name].pk for name in fits}


def test_queue_offers_the_people_who_decide(client: Client, ana: User) -> None:
    make_match()

    page = client.get("/queue/").content.decode()

    assert '<option value="ana">' in page
    assert '<option value="(nobody)">' in page


def test_unreadable_rows_are_ignored(client: Client) -> None:
    answer = client.get(CHANGES, {"rows": "nonsense m_x:1 :"}).json()

    assert answer["rows"] == {}
    assert "m_x" in answer["gone"]

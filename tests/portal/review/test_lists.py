"""Lists of matches that stay open: the preview of a row, and what others changed."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording, RecordingStatus
from review.choices import MatchState
from review.decisions import assignment
from review.models import Match
from review.services import locks, saved_views
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from tests.portal.review.reviewing import decide
from web.portal.review.queue import Queue

CHANGES = "/queue/changes/"


def tokens_of(*matches: Match) -> str:
    return " ".join(f"{match.uid}:{match.version}--" for match in matches)


def test_preview_shows_both_sounds_reason_and_verbs_without_a_lock(
    client: Client, signed_in: MakeClient
) -> None:
    match = make_match(match={"queue_reason": "low_score"})
    address = f"/m/{match.uid}/preview"

    page = client.get(address).content.decode()
    narrow = client.get(f"{address}?bar=yes").content.decode()
    seen = signed_in(Role.VIEWER).get(address).content.decode()

    assert "data-pair" in page
    assert "ribbon--review" in page
    assert "Low score" in page
    for verb in ("confirm", "clear", "reject", "escalate"):
        assert f'data-decide="{verb}"' in page
    assert "<html" not in page
    # Narrow lists ask for the verbs alone, and viewers get none.
    assert 'data-decide="confirm"' in narrow
    assert "data-pair" not in narrow
    assert "data-pair" in seen
    assert "data-decide" not in seen
    match.refresh_from_db()
    assert (match.state, match.locked_by) == (MatchState.PENDING, None)


def test_a_match_of_a_retired_recording_says_so_and_is_assigned_from_its_preview(
    client: Client,
) -> None:
    match, other_match = make_match(), make_match()
    make_user(Role.REVIEWER, username="lena")
    Recording.objects.filter(pk=match.recording_id).update(status=RecordingStatus.RETIRED)

    page = client.get(f"/m/{match.uid}/preview?list=/queue/").content.decode()
    fields = {"verb": "assign", "expected": f"{match.uid}:{match.version}"}
    question = client.post("/queue/decide/", {**fields, "who": "lena"}).content.decode()
    drawn = client.get(CHANGES, {"rows": tokens_of(match, other_match)}).json()["rows"]

    assert "The recording was retired" in page
    assert 'data-palette="Assign this match"' in page
    assert 'data-palette-rest="who"' in page
    assert f'value="{fields["expected"]}"' in page
    assert "nobody" in page
    assert "selected>lena</option>" in question
    assert list(drawn) == [match.uid]
    assert "data-retired" in drawn[match.uid]

    # Scans search for the one that it was merged into.
    Recording.objects.filter(pk=match.recording_id).update(merged_into=other_match.recording)
    page = client.get(f"/m/{match.uid}/preview?list=/queue/").content.decode()
    assert "The recording was retired" not in page
    assert f"<bdi>{other_match.recording}</bdi>" in page


def test_preview_and_row_of_a_held_match_say_who_holds_it(client: Client) -> None:
    match, other_match = make_match(), make_match()
    rows = tokens_of(match, other_match)
    mark = client.get(CHANGES, {"rows": rows})["ETag"]
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))

    page = client.get(f"/m/{match.uid}/preview").content.decode()
    answer = client.get(CHANGES, {"rows": rows}, headers={"If-None-Match": mark})

    assert "ben is reviewing this until" in page
    assert 'data-decide="confirm"' not in page
    # Listening asks for no lock that would be refused.
    assert 'data-takes=""' in page
    changed = answer.json()["rows"]
    assert list(changed) == [match.uid]
    assert "ben" in changed[match.uid]
    assert "data-foreign" in changed[match.uid]


def test_a_key_without_a_verb_says_the_state_and_who_can_do_what(signed_in: MakeClient) -> None:
    clients = {role: signed_in(role) for role in Role}
    match = make_match()
    for role, state, message in (
        (
            *(Role.REVIEWER, MatchState.CONFIRMED),
            "This match is confirmed. You can: Record a dispute. A manager can: Release the claim.",
        ),
        (
            *(Role.REVIEWER, MatchState.ESCALATED),
            "This match is escalated. "
            "A manager can: Confirm, Clear, Reject, Exclude an interval, Reopen.",
        ),
        (*(Role.MANAGER, MatchState.REJECTED), "This match is rejected. You can: Reopen."),
        (*(Role.VIEWER, MatchState.PENDING), "Your role may view matches but not decide them."),
    ):
        reason = "noise" if state == MatchState.REJECTED else ""
        Match.objects.filter(pk=match.pk).update(state=state, decision_reason=reason)

        for address in (f"/m/{match.uid}/preview", f"/m/{match.uid}"):
            page = clients[role].get(address).content.decode()
            assert f'data-cannot="{message}"' in page


def test_unchanged_list_answers_304_with_few_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = {"rows": tokens_of(make_match())}
    first = client.get(CHANGES, rows)

    # Session, user, and the rights of the user; then the newest event and the rows.
    with django_assert_max_num_queries(7):
        again = client.get(CHANGES, rows, headers={"If-None-Match": first["ETag"]})

    assert first.json()["rows"] == {}
    assert first.json()["counts"]["waiting"] == "1"
    assert again.status_code == 304


def test_decided_row_stays_with_its_state_and_leaves_the_counts(client: Client, ana: User) -> None:
    match, _other_match = make_match(), make_match(match={"queue_reason": "low_score"})
    view = saved_views.save(user=ana, name="Low", query="reason=low_score", is_default=False)
    rows = tokens_of(match)
    decide(client, match, "confirm")

    answer = client.get(CHANGES, {"rows": rows}).json()
    of_all = client.get("/matches/changes/", {"rows": f"{match.uid}:0"}).json()

    assert "Confirmed" in answer["rows"][match.uid]
    assert "data-done" in answer["rows"][match.uid]
    for name in ("waiting", "total", "menu-queue", f"view-{view.uid}"):
        assert answer["counts"][name] == "1", name
    # The list of all matches has rows and counts of its own.
    assert "Confirmed" in of_all["rows"][match.uid]
    assert of_all["counts"]["total"] == "2"


def test_a_lock_that_ends_and_a_new_assignee_change_the_row(client: Client, ana: User) -> None:
    match, assigned = make_match(), make_match()
    locks.take_lock(match=match, user=ana)
    match.refresh_from_db()

    def changed(rows: str) -> set[str]:
        return set(client.get(CHANGES, {"rows": rows}).json()["rows"])

    token = f"{match.uid}:{match.version}-held- {tokens_of(assigned)}"
    assert changed(token) == set()
    Match.objects.filter(pk=match.pk).update(locked_until=match.created_at)
    assert changed(token) == {match.uid}
    # Its version stays.
    assignment.assign(match=assigned, user=ana, assignee=ana)
    assert changed(token) == {match.uid, assigned.uid}

    answer = client.get(CHANGES, {"rows": "nonsense m_x:1 :"}).json()
    assert answer["rows"] == {}
    assert "m_x" in answer["gone"]


def test_filters_of_assignee_due_length_programme_and_engine(client: Client, ana: User) -> None:
    matches = {
        "mine": make_match(match={"assignee": ana}),
        "late": make_match(match={"due_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        "long": make_match((0, 90_000, 0, 90_000)),
    }
    file = matches["mine"].scanned_file
    file.programme = "Evening news"
    file.save()

    page = client.get("/queue/?due=overdue")

    assert [row.match for row in page.context["rows"]] == [matches["late"]]
    assert '<option value="ana">' in page.content.decode()
    assert '<option value="(nobody)">' in page.content.decode()
    for query, fits in (
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
    ):
        rows = Queue.from_query(QueryDict(query), ana).rows()
        assert {match.pk for match in rows} == {matches[name].pk for name in fits}, query


def test_lists_name_search_and_count_a_merged_recording_as_the_one_it_became(
    signed_in: MakeClient,
) -> None:
    client = signed_in(Role.REVIEWER)
    match = make_match(recording__title="Mountain")
    bucket = match.recording.bucket
    stays, between = (
        RecordingFactory.create(bucket=bucket, title=title, isrc_normalised=isrc)
        for title, isrc in (("Mountain (Album)", "QZAA02600002"), ("Hill", ""))
    )
    for merged, into in ((match.recording, between), (between, stays)):
        Recording.objects.filter(pk=merged.pk).update(
            status=RecordingStatus.RETIRED, merged_into=into
        )
    lists = [
        "/queue/",
        "/matches/?q=mountain+(album)",
        "/matches/?q=QZAA02600002",
        f"/matches/?recording={stays.uid}",
        f"/files/{match.scanned_file.uid}/",
        "/reports/summary/?by=recording",
    ]

    pages = {address: client.get(address).content.decode() for address in lists}
    recording = client.get(reverse("portal:recording_detail", args=[stays.uid])).content.decode()
    other_page = client.get("/matches/?q=hill").content.decode()

    assert [address for address, page in pages.items() if "Mountain (Album)" not in page] == []
    assert match.scanned_file.name in recording
    # A filter finds the recording that stays, not one in between.
    assert match.review_url not in other_page

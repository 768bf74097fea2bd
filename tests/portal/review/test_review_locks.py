"""The review lock of a match: who gets it, who sees it, who may take it over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording, RecordingStatus
from review.choices import MatchState
from review.models import Match
from review.services import locks
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from tests.portal.review.reviewing import JSON, decide, page_of

VIEWER, REVIEWER, MANAGER, ADMIN = Role


def test_opening_takes_the_lock_and_release_gives_it_back(client: Client, ana: User) -> None:
    match = make_match()

    # Looking ahead takes none.
    for headers in ({"X-Look-Ahead": "yes"}, {"Sec-Purpose": "prefetch;prerender"}):
        client.get(page_of(match), headers=headers)
        match.refresh_from_db()
        assert match.state == MatchState.PENDING

    page = client.get(page_of(match))

    match.refresh_from_db()
    assert (match.state, match.locked_by) == (MatchState.IN_REVIEW, ana)
    assert "Yours until" in page.content.decode()
    answer = client.post(reverse("portal:match_release", args=[match.uid]))
    assert answer["Location"] == f"{reverse('portal:queue')}?view=waiting"
    match.refresh_from_db()
    assert (match.state, match.locked_by) == (MatchState.PENDING, None)


def test_a_page_that_is_left_releases_only_the_lock_that_it_knows(
    client: Client, ana: User
) -> None:
    match = make_match()
    release = reverse("portal:match_release", args=[match.uid])
    client.get(page_of(match))
    lock = reverse("portal:match_lock", args=[match.uid])
    first = client.get(lock, headers=JSON).json()["until"]
    # The user reloads the page, or opens the match in another tab.
    client.get(page_of(match))
    second = client.get(lock, headers=JSON).json()["until"]

    assert first != second
    for until, state in ((first, "in_review"), (second, "pending")):
        answer = client.post(release, {"until": until}, headers=JSON)
        assert answer.status_code == 200
        assert client.get(lock, headers=JSON).json()["state"] == state
    assert client.post(release, {"until": "soon"}).status_code == 400


def test_foreign_lock_lets_look_and_not_decide_and_a_manager_take_over(
    client: Client, signed_in: MakeClient
) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(REVIEWER, username="ben"))
    address = reverse("portal:match_lock", args=[match.uid])

    page = client.get(page_of(match)).content.decode()
    answer = decide(client, match, "confirm")
    refused = client.post(address, {"break": "yes"}, headers=JSON)

    assert "ben is reviewing this until" in page
    assert "data-decide=" not in page
    assert answer.status_code == 409
    assert refused.json()["code"] == "not_allowed"
    match.refresh_from_db()
    assert (match.state, str(match.locked_by)) == (MatchState.IN_REVIEW, "ben")
    signed_in(MANAGER).post(address, {"break": "yes"})
    match.refresh_from_db()
    assert match.locked_by is not None
    assert match.locked_by.username != "ben"


def test_lock_tells_scripts_who_holds_the_match_and_what_comes_next(client: Client) -> None:
    match, following = make_match(), make_match()
    address = reverse("portal:match_lock", args=[match.uid])

    free = client.get(address, headers=JSON).json()
    taken = client.post(address, headers=JSON).json()

    assert (free["holder"], free["mine"]) == ("", False)
    assert (taken["holder"], taken["mine"]) == ("ana", True)
    assert taken["version"] == free["version"] + 1
    assert taken["next"] == page_of(following)

    # Keeping it longer moves no version.
    soon = datetime.now(tz=UTC) + timedelta(minutes=1)
    Match.objects.filter(pk=match.pk).update(locked_until=soon)
    second = client.post(address, headers=JSON).json()
    assert second["version"] == taken["version"]
    assert datetime.fromisoformat(second["until"]) > soon


def test_the_open_page_learns_that_its_recording_was_retired(client: Client) -> None:
    match = make_match()
    address = f"/m/{match.uid}/lock?version={match.version}&standing="
    headers = {"Accept": "application/json"}
    assert not client.get(address, headers=headers).json()["changed"]

    Recording.objects.filter(pk=match.recording_id).update(status=RecordingStatus.RETIRED)

    assert client.get(address, headers=headers).json()["changed"]
    assert not client.get(address + "retired", headers=headers).json()["changed"]

"""Bulk actions on matches in the admin: decide, assign, export, as the role permits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from audit.models import Event
from review.choices import MatchState
from review.models import Match
from review.services import locks
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.portal.admin_matches import LIST, SignIn, streamed, text

pytestmark = pytest.mark.django_db


def bulk(
    client: Client, action: str, *matches: Match, **more: object
) -> Any:  # Any: as above
    """Run an action on matches of the list."""
    return client.post(
        LIST,
        {
            "action": action,
            ACTION_CHECKBOX_NAME: [match.pk for match in matches],
            **more,
        },
        follow=True,
    )


def test_bulk_action_shows_count_and_preview_first(sign_in: SignIn) -> None:
    first, second = make_match(recording__title="Alpha"), make_match()
    client = sign_in(Role.REVIEWER)

    shown = text(bulk(client, "reject_matches", first, second))

    assert "Reject: 2 matches" in shown
    assert "Alpha" in shown
    # As on the portal's page: how many are in which state.
    assert re.search(r"Pending\s*</span>\s*<strong>2</strong>", shown)
    assert f'value="{first.uid}:1"' in shown
    first.refresh_from_db()
    assert first.state == MatchState.PENDING


def test_bulk_action_decides_each_and_names_the_refused(sign_in: SignIn) -> None:
    first, second, held = make_match(), make_match(), make_match()
    locks.take_lock(match=held, user=make_user(Role.REVIEWER, username="ben"))
    client = sign_in(Role.REVIEWER)

    response = bulk(
        client,
        "reject_matches",
        first,
        apply="yes",
        code="noise",
        expected=[f"{first.uid}:1", f"{second.uid}:1", f"{held.uid}:2"],
    )

    shown = text(response)
    assert "2 matches rejected." in shown
    assert "ben is reviewing this until" in shown
    assert Match.objects.filter(state=MatchState.REJECTED).count() == 2


def test_bulk_action_without_a_reason_asks_again_about_the_same(
    sign_in: SignIn,
) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)

    response = bulk(
        client, "reject_matches", match, apply="yes", expected=[f"{match.uid}:1"]
    )

    assert "Choose why the match is rejected." in text(response)
    assert f'value="{match.uid}:1"' in text(response)


def test_bulk_action_over_the_limit_is_refused(sign_in: SignIn) -> None:
    matches = [make_match() for _ in range(51)]
    client = sign_in(Role.REVIEWER)

    response = bulk(client, "confirm_matches", *matches)

    assert "Select at most 50 matches at once." in text(response)


def test_page_about_500_matches_can_be_sent(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.MANAGER)
    expected = [f"{match.uid}:1", *(f"m_{number}:1" for number in range(499))]

    response = bulk(client, "confirm_matches", match, apply="yes", expected=expected)

    assert "1 match confirmed." in text(response)


def test_undo_in_the_list_takes_a_batch_back(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    bulk(client, "confirm_matches", match, apply="yes", expected=[f"{match.uid}:1"])

    bulk(client, "undo_matches", match, apply="yes", expected=[f"{match.uid}:2"])

    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_the_selected_are_assigned_after_a_preview(sign_in: SignIn) -> None:
    match, ben = make_match(), make_user(Role.REVIEWER, username="ben")
    client = sign_in(Role.MANAGER)

    asked = text(bulk(client, "assign_matches", match))
    told = text(
        bulk(
            client,
            "assign_matches",
            match,
            apply="yes",
            assignee=ben.pk,
            expected=[f"{match.uid}:1"],
        )
    )

    assert "Assign: 1 match" in asked
    assert "1 match assigned." in told
    match.refresh_from_db()
    assert match.assignee == ben
    assert Event.objects.filter(case=match.case, action="assign").count() == 1


def test_actions_follow_the_role(sign_in: SignIn) -> None:
    make_match()

    def offered(role: Role) -> set[str]:
        form = sign_in(role).get(LIST).context["action_form"]
        return {name for name, _ in form.fields["action"].choices if name}

    assert sign_in(Role.VIEWER).get(LIST).context["action_form"] is None
    assert offered(Role.REVIEWER) == {
        "confirm_matches",
        "clear_matches",
        "reject_matches",
        "escalate_matches",
        "undo_matches",
        "assign_matches",
        "export_matches",
        "build_evidence",
    }
    assert offered(Role.MANAGER) == offered(Role.REVIEWER) | {"reopen_matches"}


def test_export_of_the_selection(sign_in: SignIn) -> None:
    chosen = make_match()
    make_match()
    client = sign_in(Role.REVIEWER)

    response = client.post(
        LIST, {"action": "export_matches", ACTION_CHECKBOX_NAME: [chosen.pk]}
    )

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["match_id"] for row in streamed(response)] == [chosen.uid]
    assert Event.objects.filter(action="exported").count() == 1


def test_export_of_the_filtered_list(sign_in: SignIn) -> None:
    confirmed = make_match(state=MatchState.CONFIRMED)
    make_match()
    ScannedFileFactory.create()
    client = sign_in(Role.REVIEWER)

    listed = text(client.get(LIST, {"state": "confirmed"}))
    address = reverse("admin:review_match_export") + "?state=confirmed"
    response = client.post(address)

    assert address in listed
    assert [row["match_id"] for row in streamed(response)] == [confirmed.uid]


def test_viewer_may_not_export(sign_in: SignIn) -> None:
    response = sign_in(Role.VIEWER).post(reverse("admin:review_match_export"))

    assert response.status_code == 403


def test_a_bulk_action_after_a_lost_session_comes_back_filled_in(
    sign_in: SignIn,
) -> None:
    match, other = make_match(recording__title="Alpha"), make_match()
    client = sign_in(Role.REVIEWER)
    client.logout()

    answer = bulk(
        client,
        "reject_matches",
        match,
        expected=[f"{match.uid}:1", f"{other.uid}:1"],
        code="noise",
        note="only the applause",
        apply="yes",
    )
    login = answer.redirect_chain[0][0]
    make_user(Role.REVIEWER, username="ann")
    page = client.post(
        login, {"username": "ann", "password": "secret"}, follow=True
    ).content.decode()

    assert "You were signed out, so nothing was saved." in page
    assert "Reject: 2 matches" in page
    assert "only the applause" in page
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_an_action_that_was_only_chosen_is_not_repeated_after_a_lost_session(
    sign_in: SignIn,
) -> None:
    match = make_match()
    client = sign_in(Role.REVIEWER)
    client.logout()

    login = bulk(client, "reject_matches", match).redirect_chain[0][0]
    make_user(Role.REVIEWER, username="ann")
    page = client.post(
        login, {"username": "ann", "password": "secret"}, follow=True
    ).content.decode()

    assert "You were signed out, so nothing was saved." in page
    assert "Reject: 1 match" not in page

"""Bulk actions on matches in the admin: decide, assign, export, as the role permits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from review.choices import MatchState
from review.models import Match
from review.services import locks
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.portal.admin_matches import LIST, SignIn, streamed, text
from web.portal.admin import match_decisions

pytestmark = pytest.mark.django_db


def bulk(client: Client, action: str, *matches: Match, **options: object) -> Any:  # Any: as above
    return client.post(
        LIST,
        {"action": action, ACTION_CHECKBOX_NAME: [match.pk for match in matches], **options},
        follow=True,
    )


def test_bulk_action_previews_asks_for_a_reason_and_decides_each(sign_in: SignIn) -> None:
    first = make_match(recording__title="Alpha")
    second, held = make_match(), make_match()
    locks.take_lock(match=held, user=make_user(Role.REVIEWER, username="ben"))
    client = sign_in(Role.REVIEWER)

    question = text(bulk(client, "reject_matches", first, second))
    assert "Reject: 2 matches" in question
    assert "Alpha" in question
    # As on the portal's page: how many are in which state.
    assert re.search(r"Pending\s*</span>\s*<strong>2</strong>", question)
    assert f'value="{first.uid}:1"' in question

    expected = [f"{first.uid}:1", f"{second.uid}:1", f"{held.uid}:2"]
    sent = {"apply": "yes", "expected": expected}
    without = text(bulk(client, "reject_matches", first, **sent))
    assert "Choose why the match is rejected." in without
    assert f'value="{first.uid}:1"' in without
    first.refresh_from_db()
    assert first.state == MatchState.PENDING

    done = text(bulk(client, "reject_matches", first, **sent, code="noise"))
    assert "2 matches rejected." in done
    assert "ben is reviewing this until" in done
    assert Match.objects.filter(state=MatchState.REJECTED).count() == 2


def test_bulk_action_over_the_limit_is_refused(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(match_decisions, "decision_limit", lambda _user: 2)
    matches = [make_match() for _ in range(3)]
    client = sign_in(Role.REVIEWER)

    response = bulk(client, "confirm_matches", *matches)

    assert "Select at most 2 matches at once." in text(response)
    assert "Confirm: 2 matches" in text(bulk(client, "confirm_matches", *matches[1:]))


def test_a_page_about_500_matches_can_be_sent_and_undone(sign_in: SignIn) -> None:
    match = make_match()
    client = sign_in(Role.MANAGER)
    expected = [f"{match.uid}:1", *(f"m_{number}:1" for number in range(499))]

    response = bulk(client, "confirm_matches", match, apply="yes", expected=expected)
    assert "1 match confirmed." in text(response)

    bulk(client, "undo_matches", match, apply="yes", expected=[f"{match.uid}:2"])
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_the_selected_are_assigned_after_a_preview(sign_in: SignIn) -> None:
    match, ben = make_match(), make_user(Role.REVIEWER, username="ben")
    client = sign_in(Role.MANAGER)

    question = text(bulk(client, "assign_matches", match))
    message = text(
        bulk(
            client,
            "assign_matches",
            match,
            apply="yes",
            assignee=ben.pk,
            expected=[f"{match.uid}:1"],
        )
    )

    assert "Assign: 1 match" in question
    assert "1 match assigned." in message
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


def test_the_selection_and_the_filtered_list_are_exported(sign_in: SignIn) -> None:
    confirmed, chosen = make_match(state=MatchState.CONFIRMED), make_match()
    ScannedFileFactory.create()
    client = sign_in(Role.REVIEWER)

    selection = client.post(LIST, {"action": "export_matches", ACTION_CHECKBOX_NAME: [chosen.pk]})
    listing = text(client.get(LIST, {"state": "confirmed"}))
    export = reverse("admin:review_match_export")
    address = f"{export}?state=confirmed"
    filtered = client.post(address)

    assert selection["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["match_id"] for row in streamed(selection)] == [chosen.uid]
    assert address in listing
    assert [row["match_id"] for row in streamed(filtered)] == [confirmed.uid]
    assert Event.objects.filter(action="exported").count() == 2
    assert sign_in(Role.VIEWER).post(export).status_code == 403


def test_a_bulk_action_after_a_lost_session_comes_back_filled_in(sign_in: SignIn) -> None:
    match, other_match = make_match(recording__title="Alpha"), make_match()
    make_user(Role.REVIEWER, username="ann")
    client = sign_in(Role.REVIEWER)

    def after_sign_in(**options: object) -> str:
        client.logout()
        login = bulk(client, "reject_matches", match, **options).redirect_chain[0][0]
        person = {"username": "ann", "password": "secret"}
        return text(client.post(login, person, follow=True))

    only_chosen = after_sign_in()
    page = after_sign_in(
        expected=[f"{match.uid}:1", f"{other_match.uid}:1"],
        code="noise",
        note="only the applause",
        apply="yes",
    )

    for filled_page in (only_chosen, page):
        assert "You were signed out, so nothing was saved." in filled_page
    assert "Reject: 1 match" not in only_chosen
    assert "Reject: 2 matches" in page
    assert "only the applause" in page
    match.refresh_from_db()
    assert match.state == MatchState.PENDING

"""Who decided: notices that speak of people mean people."""

from __future__ import annotations

import pytest

from base.accounts.deciders import Decider
from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.services import create_user
from base.common.attribution import act_through, attribution_scope
from plugins.notices.content import content_of
from plugins.notices.models import ClaimedRight, NoticeLaw
from plugins.notices.notice_text import as_text
from plugins.notices.services import prepare
from plugins.notices.signing import why_not_sign
from plugins.notices.tests.factories import at_address, make_submitted
from review.models import Match
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.review.test_deciders import api, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> User:
    return create_user(username="nightly", password=None, role=Role.REVIEWER)


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mira")


def claim() -> Match:
    match = make_match()
    at_address(match, "https://video.example/v/1")
    return match


def notice_about(match: Match, user: User) -> str:
    notice = prepare(
        matches=[match], law=NoticeLaw.US_512C, right=ClaimedRight.RECORDING, user=user
    )
    return " ".join(as_text(content_of(notice)).split())


def test_a_notice_says_what_confirmed_the_match(program: User, manager: User) -> None:
    by_program, by_token, by_person = claim(), claim(), claim()
    assert send(api(program), by_program, "confirm") == 200
    assert send(api(manager), by_token, "confirm") == 200
    deciding.confirm(match=by_person, user=manager)
    by_person.refresh_from_db()

    for match in (by_program, by_token):
        assert match.decider == Decider.PROGRAM
        assert "a program confirmed the match on" in notice_about(match, manager)
    assert by_person.decider == Decider.PERSON
    assert "a person confirmed the match on" in notice_about(by_person, manager)


def test_a_program_signs_no_notice_that_needs_a_second_person(manager: User) -> None:
    match = claim()
    deciding.confirm(match=match, user=make_user(Role.REVIEWER))
    Match.objects.filter(pk=match.pk).update(needs_approval=True)
    notice = make_submitted([match], make_user(Role.REVIEWER))

    with attribution_scope():
        act_through("token:t_1 nightly")
        refused = why_not_sign(notice, manager)

    assert "a program cannot be" in refused
    assert why_not_sign(notice, manager) == ""

"""Policy pages: who may open them, and their effects."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.models import AccessLimit, User
from accounts.roles import Role
from review.choices import MatchState, PolicyAction
from review.models import Policy
from review.services import locks
from tests.conftest import MakeClient
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.portal.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


def words(**changes: Any) -> dict[str, Any]:  # Any: values of form fields
    """Return the fields of the form."""
    return {"name": "Short uses", "action": "escalate", "priority": 0, **changes}


@pytest.mark.parametrize("role", list(Role))
def test_list_is_for_all_and_the_rest_for_managers(
    signed_in: MakeClient, role: Role
) -> None:
    policy = make_policy()
    client = signed_in(role)
    manages = role in (Role.MANAGER, Role.ADMIN)

    assert client.get(reverse("portal:policy_list")).status_code == 200
    for name in ("policy_edit", "policy_dry_run"):
        answer = client.get(reverse(f"portal:{name}", args=[policy.uid]))
        assert answer.status_code == (200 if manages else 403)
    for name in ("policy_switch", "policy_move", "policy_apply"):
        answer = client.post(reverse(f"portal:{name}", args=[policy.uid]))
        assert answer.status_code == (302 if manages else 403)


def test_rule_is_written_tried_switched_on_and_applied(manager: Client) -> None:
    match = make_match()

    answer = manager.post(
        reverse("portal:policy_create"),
        words(matched_s_to="30", relations=["excerpt"], found_late="no"),
    )

    policy = Policy.objects.get()
    assert answer["Location"] == reverse("portal:policy_dry_run", args=[policy.uid])
    assert not policy.enabled
    assert policy.conditions == {
        "sets": {"relations": ["excerpt"]},
        "ranges": {"matched_s": [None, "30"]},
        "flags": {"found_late": False},
    }
    page = manager.get(answer["Location"]).content.decode()
    assert match.recording.title in page

    url = reverse("portal:policy_switch", args=[policy.uid])
    manager.post(url, {"enabled": "yes"})
    manager.post(reverse("portal:policy_apply", args=[policy.uid]))

    match.refresh_from_db()
    assert match.state == MatchState.ESCALATED


def test_pages_call_a_policy_by_one_word(manager: Client) -> None:
    empty = manager.get(reverse("portal:policy_list"))
    policy = make_policy(name="Short uses")
    match = make_match()
    Policy.objects.create(name="Later", action=PolicyAction.SUPPRESS, enabled=True)
    pages = [
        empty,
        manager.get(reverse("portal:policy_list")),
        manager.get(reverse("portal:policy_create")),
        manager.get(reverse("portal:policy_dry_run", args=[policy.uid])),
        manager.get(match.review_url),
        manager.get(reverse("portal:match_list")),
        manager.post(reverse("portal:policy_create"), words(), follow=True),
    ]

    shown = [re.sub(r"<[^>]*>", " ", page.content.decode()) for page in pages]

    assert [re.findall(r"(?i)\brules?\b", text) for text in shown] == [[]] * 7


def test_form_shows_what_the_policy_says(manager: Client) -> None:
    policy = make_policy(
        sets={"labels": ["North"]}, ranges={"score": ("80", None)}, name="Loud"
    )

    page = manager.get(policy.url).content.decode()

    assert "North" in page
    assert 'value="80"' in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "required"),
        ({"matched_s_from": "9", "matched_s_to": "8"}, "below the lower limit"),
        ({"action": "reject"}, "valid choice"),
    ],
)
def test_form_says_what_is_wrong(
    manager: Client, changes: dict[str, object], told: str
) -> None:
    answer = manager.post(reverse("portal:policy_create"), words(**changes))

    assert told in answer.content.decode()
    assert not Policy.objects.exists()


def test_unreachable_rule_names_the_one_before_it(manager: Client) -> None:
    make_policy(name="Everything")
    policy = make_policy(name="Later", enabled=False)

    answer = manager.post(
        reverse("portal:policy_switch", args=[policy.uid]),
        {"enabled": "yes"},
        follow=True,
    )

    assert "Everything comes first" in answer.content.decode()
    policy.refresh_from_db()
    assert not policy.enabled


def test_rules_are_moved_by_buttons(manager: Client) -> None:
    first = make_policy(sets={"labels": ["north"]})
    second = make_policy(sets={"labels": ["south"]}, action=PolicyAction.SUPPRESS)

    manager.post(reverse("portal:policy_move", args=[second.uid]), {"to": "up"})

    assert list(Policy.objects.all()) == [second, first]


def test_admin_shows_policies_and_changes_none(signed_in: MakeClient) -> None:
    policy = make_policy()
    client = signed_in(Role.ADMIN)

    page = client.get(reverse("admin:review_policy_change", args=[policy.pk]))

    assert policy.url in page.content.decode()
    assert client.get(reverse("admin:review_policy_changelist")).status_code == 200
    assert client.get(reverse("admin:review_policy_add")).status_code == 403


def test_list_asks_no_more_for_more_rules(manager: Client) -> None:
    make_policy(sets={"relations": ["loop"]})
    few = queries_of(manager, reverse("portal:policy_list"))
    make_policy(sets={"relations": ["altered"]})
    make_policy(sets={"relations": ["excerpt"]})

    assert queries_of(manager, reverse("portal:policy_list")) == few


def test_an_application_is_undone_on_the_page_of_the_dry_run(manager: Client) -> None:
    match = make_match()
    policy = make_policy(action=PolicyAction.ESCALATE)
    url = reverse("portal:policy_dry_run", args=[policy.uid])
    manager.post(reverse("portal:policy_apply", args=[policy.uid]))
    page = manager.get(url)
    assert "Undo for 1 match" in page.content.decode()

    act = page.context["applications"][0].act
    done = manager.post(
        reverse("portal:policy_undo", args=[policy.uid]), {"act": act}, follow=True
    )

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert "1 match is as it was before" in done.content.decode()
    assert "Undo for" not in done.content.decode()


@pytest.mark.parametrize(
    ("enabled", "fits", "why"),
    [
        (False, True, "The policy is off"),
        (True, False, "No waiting match fits it"),
    ],
)
def test_apply_says_why_it_is_grey(
    manager: Client, enabled: bool, fits: bool, why: str
) -> None:
    make_match()
    ranges: dict[str, tuple[str | None, str | None]] = (
        {} if fits else {"matched_s": ("9999", None)}
    )
    policy = make_policy(enabled=enabled, ranges=ranges)

    page = manager.get(reverse("portal:policy_dry_run", args=[policy.uid]))

    assert why in page.content.decode()


def test_undo_is_not_offered_to_people_with_access_limits(
    signed_in: MakeClient,
) -> None:
    make_match()
    policy = make_policy(action=PolicyAction.ESCALATE)
    url = reverse("portal:policy_dry_run", args=[policy.uid])
    signed_in(Role.MANAGER).post(reverse("portal:policy_apply", args=[policy.uid]))
    limited = signed_in(Role.MANAGER)
    person = User.objects.latest("pk")
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, buckets=[])
    person.groups.add(group)

    page = limited.get(url).content.decode()

    assert "Applied so far" in page
    assert "Undo for" not in page


def test_apply_says_that_reviewed_matches_stay_with_their_people(
    manager: Client,
) -> None:
    match, policy = make_match(), make_policy(action=PolicyAction.ESCALATE)
    locks.take_lock(match=match, user=make_user(Role.REVIEWER))

    page = manager.get(reverse("portal:policy_dry_run", args=[policy.uid]))

    assert "are being reviewed" in page.content.decode()


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/policies/p_1/dry-run/", "/policies/p_1/dry-run/"),
        ("https://elsewhere.example/", "/policies/"),
        ("", "/policies/"),
    ],
)
def test_switching_leads_back_to_the_page_of_the_switch(
    manager: Client, asked: str, leads_to: str
) -> None:
    policy = make_policy(enabled=False)

    answer = manager.post(
        reverse("portal:policy_switch", args=[policy.uid]),
        {"enabled": "yes", "next": asked},
    )

    assert answer["Location"] == leads_to
    policy.refresh_from_db()
    assert policy.enabled


def test_a_policy_is_read_back_as_a_sentence(manager: Client) -> None:
    typed = words(
        relations=["excerpt", "loop"],
        longest_s_to="15",
        score_from="55",
        score_to="89",
        under_speech="yes",
        territories="DE",
        due_days="2",
        priority="3",
    )

    draft = manager.get(reverse("portal:policy_sentence"), typed).content.decode()

    told = (
        "If its relation is Excerpt or Loop, it is used in Germany, its score is 55 to "
        "89, its longest segment is at most 15 s and it is under speech, a manager "
        "decides the match, due in 2 days, with priority 3."
    )
    assert told in strip_tags(draft)
    assert not Policy.objects.exists()
    manager.post(reverse("portal:policy_create"), typed)
    page = manager.get(reverse("portal:policy_list")).content.decode()
    assert told in strip_tags(page)


def test_a_policy_without_conditions_says_that_it_takes_all(manager: Client) -> None:
    draft = manager.get(reverse("portal:policy_sentence"), words())

    assert "Unless a licence covers it" in draft.content.decode()


def test_the_form_marks_the_conditions_in_use(manager: Client) -> None:
    policy = make_policy(flags={"under_speech": True})

    page = manager.get(reverse("portal:policy_edit", args=[policy.uid]))

    rows = page.context["form"].condition_rows()
    assert [row.key for row in rows if row.is_used] == ["under_speech"]
    names = {field.name for row in rows for field in row.fields}
    then = {field.name for field in page.context["form"].then}
    assert names | then | {"name"} == set(page.context["form"].fields)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (PolicyAction.CONFIRM, "confirmed it."),
        (PolicyAction.SUPPRESS, "suppressed it."),
        (PolicyAction.ESCALATE, "sends it to a person."),
    ],
)
def test_a_match_says_what_a_policy_did_to_it(
    manager: Client, action: str, said: str
) -> None:
    match = make_match()
    policy = make_policy(name="House", action=action)
    manager.post(reverse("portal:policy_apply", args=[policy.uid]))

    page = manager.get(match.review_url).content.decode()

    assert f"The policy House v1 {said}" in page
    assert ("Sent by a policy" in page) is (action == PolicyAction.ESCALATE)


def test_dry_run_says_how_many_matches_it_leaves_out(
    manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.services.policies.LISTED", 2)
    for _number in range(3):
        make_match()
    policy = make_policy(action=PolicyAction.ESCALATE)
    address = reverse("portal:policy_dry_run", args=[policy.uid])

    assert "the first 2 of 3" in manager.get(address).content.decode()

    monkeypatch.setattr("review.services.policies.LISTED", 3)
    assert "the first" not in manager.get(address).content.decode()


def test_a_condition_is_read_back_with_commas_and_the_decimal_sign_of_the_reader(
    manager: Client,
) -> None:
    asked = words(labels="One\nTwo\nThree", speed_change_to="2.5")
    address = reverse("portal:policy_sentence")

    english = strip_tags(manager.get(address, asked).content.decode())
    german = strip_tags(
        manager.get(address, asked, headers={"Accept-Language": "de"}).content.decode()
    )

    assert "One, Two or Three" in english
    assert "2.5 %" in english
    assert "2,5 %" in german


def test_list_shows_the_policies_in_their_order(manager: Client) -> None:
    make_policy(name="First", enabled=False)
    second = make_policy(name="Second", enabled=False)
    address = reverse("portal:policy_list")

    manager.post(reverse("portal:policy_move", args=[second.uid]), {"to": "up"})

    listed = manager.get(address).context["policies"]
    assert [policy.name for policy, _sentence in listed] == ["Second", "First"]


def test_second_approval_is_asked_for_only_where_the_policy_confirms(
    manager: Client,
) -> None:
    page = manager.get(reverse("portal:policy_create")).content.decode()

    assert 'data-shown-when="action:confirm"' in page

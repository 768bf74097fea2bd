"""Policy pages: who may open them, and their effects."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from base.accounts.roles import Role
from review.choices import MatchState, PolicyAction
from review.models import Policy
from review.services import locks
from tests.factories.accounts import make_limited, make_user
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of
from web.portal.policies.forms import PolicyForm

pytestmark = pytest.mark.django_db


def words(**changes: Any) -> dict[str, Any]:  # Any: values of form fields
    return {"name": "Short uses", "action": "escalate", "priority": 0, **changes}


def page_of(client: Client, name: str, *args: str) -> str:
    return client.get(reverse(f"portal:{name}", args=args)).content.decode()


def test_list_is_for_all_and_the_rest_for_managers(signed_in: MakeClient) -> None:
    policy = make_policy()
    viewer, reviewer = signed_in(Role.VIEWER), signed_in(Role.REVIEWER)
    manager = signed_in(Role.MANAGER)

    assert viewer.get(reverse("portal:policy_list")).status_code == 200
    for client, seen, done in ((reviewer, 403, 403), (manager, 200, 302)):
        for name in ("policy_edit", "policy_dry_run"):
            answer = client.get(reverse(f"portal:{name}", args=[policy.uid]))
            assert answer.status_code == seen, name
        for name in ("policy_switch", "policy_move", "policy_apply"):
            answer = client.post(reverse(f"portal:{name}", args=[policy.uid]))
            assert answer.status_code == done, name


def test_a_policy_is_written_tried_switched_on_applied_and_undone(
    manager: Client, client: Client
) -> None:
    match = make_match()
    client.force_login(make_limited(Role.MANAGER, buckets=[]))
    empty = page_of(manager, "policy_list")
    form = page_of(manager, "policy_create")
    assert 'data-shown-when="action:confirm"' in form, "only then a second approval"

    answer = manager.post(
        reverse("portal:policy_create"),
        words(matched_s_to="30", relations=["excerpt"], found_late="no"),
    )

    policy = Policy.objects.get()
    dry_run = reverse("portal:policy_dry_run", args=[policy.uid])
    assert answer["Location"] == dry_run
    assert not policy.enabled
    assert policy.conditions == {
        "sets": {"relations": ["excerpt"]},
        "ranges": {"matched_s": [None, "30"]},
        "flags": {"found_late": False},
    }
    tried = manager.get(dry_run).content.decode()
    assert match.recording.title in tried
    assert "The policy is off" in tried

    manager.post(reverse("portal:policy_switch", args=[policy.uid]), {"enabled": "yes"})
    manager.post(reverse("portal:policy_apply", args=[policy.uid]))

    match.refresh_from_db()
    assert match.state == MatchState.ESCALATED
    applied = manager.get(dry_run)
    assert "No waiting match fits it" in applied.content.decode()
    assert "Undo for 1 match" in applied.content.decode()
    # It would undo what people with access limits do not see.
    own = client.get(dry_run).content.decode()
    assert "Applied so far" in own
    assert "Undo for" not in own

    # Pages call a policy by one word.
    pages = [
        *(empty, form, tried, applied.content.decode()),
        *(page_of(manager, "policy_list"), page_of(manager, "match_list")),
        manager.get(match.review_url).content.decode(),
    ]
    texts = [re.sub(r"<[^>]*>", " ", page) for page in pages]
    assert [re.findall(r"(?i)\brules?\b", text) for text in texts] == [[]] * 7

    act = applied.context["applications"][0].act
    undone = manager.post(
        reverse("portal:policy_undo", args=[policy.uid]), {"act": act}, follow=True
    ).content.decode()

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert "1 match is as it was before" in undone
    assert "Undo for" not in undone


def test_form_shows_what_the_policy_says(manager: Client) -> None:
    policy = make_policy(sets={"labels": ["North"]}, ranges={"score": ("80", None)}, name="Loud")

    page = manager.get(policy.url)

    assert "North" in page.content.decode()
    assert 'value="80"' in page.content.decode()
    form = page.context["form"]
    rows = form.condition_rows()
    assert {row["key"] for row in rows if row["is_used"]} == {"score", "labels"}
    names = {field.name for row in rows for field in row["fields"]}
    assert names | {field.name for field in form.then} | {"name"} == set(form.fields)


def test_form_says_what_is_wrong(manager: Client) -> None:
    for changes, message in (
        ({"matched_s_from": "9", "matched_s_to": "8"}, "below the lower limit"),
        ({"action": "reject"}, "valid choice"),
    ):
        assert message in str(PolicyForm(words(**changes)).errors), changes
    answer = manager.post(reverse("portal:policy_create"), words(name=""))
    assert "required" in answer.content.decode()
    assert not Policy.objects.exists()


def test_switching_leads_back_to_the_page_of_the_switch(manager: Client) -> None:
    policy = make_policy(name="Everything", enabled=False)
    switch = reverse("portal:policy_switch", args=[policy.uid])

    for query, leads_to in (
        ("/policies/p_1/dry-run/", "/policies/p_1/dry-run/"),
        ("https://elsewhere.example/", "/policies/"),
        ("", "/policies/"),
    ):
        Policy.objects.update(enabled=False)
        answer = manager.post(switch, {"enabled": "yes", "next": query})
        assert answer["Location"] == leads_to, query
        policy.refresh_from_db()
        assert policy.enabled, query

    # One that no match can reach names the one before it.
    later = make_policy(name="Later", enabled=False)
    answer = manager.post(
        reverse("portal:policy_switch", args=[later.uid]), {"enabled": "yes"}, follow=True
    )
    assert "Everything comes first" in answer.content.decode()
    later.refresh_from_db()
    assert not later.enabled


def test_policies_are_moved_by_buttons_and_listed_in_their_order(manager: Client) -> None:
    first = make_policy(sets={"labels": ["north"]})
    second = make_policy(sets={"labels": ["south"]}, action=PolicyAction.SUPPRESS)

    manager.post(reverse("portal:policy_move", args=[second.uid]), {"to": "up"})

    assert list(Policy.objects.all()) == [second, first]
    policies = manager.get(reverse("portal:policy_list")).context["policies"]
    assert [policy for policy, _sentence in policies] == [second, first]


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


def test_dry_run_says_which_matches_it_leaves_out(
    manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.services.policies.LISTED", 2)
    matches = [make_match() for _number in range(3)]
    policy = make_policy(action=PolicyAction.ESCALATE)

    page = page_of(manager, "policy_dry_run", policy.uid)
    assert "the first 2 of 3" in page
    assert "are being reviewed" not in page

    monkeypatch.setattr("review.services.policies.LISTED", 3)
    page = page_of(manager, "policy_dry_run", policy.uid)
    assert "the first" not in page

    reviewer = make_user(Role.REVIEWER)
    for match in matches:
        locks.take_lock(match=match, user=reviewer)
    assert "are being reviewed" in page_of(manager, "policy_dry_run", policy.uid)


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
    address = reverse("portal:policy_sentence")

    def sentence(fields: dict[str, Any], language: str = "en") -> str:
        answer = manager.get(address, fields, headers={"Accept-Language": language})
        return strip_tags(answer.content.decode())

    message = (
        "If its relation is Excerpt or Loop, it is used in Germany, its score is 55 to "
        "89, its longest continuous use is at most 15 s and it is under speech, a manager "
        "decides the match, due in 2 days, with priority 3."
    )
    assert message in sentence(typed)
    assert not Policy.objects.exists()
    manager.post(reverse("portal:policy_create"), typed)
    assert message in strip_tags(page_of(manager, "policy_list"))

    assert "Unless a licence covers it" in sentence(words())
    # With commas, and the decimal sign of the reader.
    fields = words(labels="One\nTwo\nThree", speed_change_to="2.5")
    english = sentence(fields)
    assert "One, Two or Three" in english
    assert "2.5 %" in english
    assert "2,5 %" in sentence(fields, "de")


def test_a_match_says_what_a_policy_did_to_it(manager: Client) -> None:
    for action, message in (
        (PolicyAction.CONFIRM, "confirmed it."),
        (PolicyAction.SUPPRESS, "suppressed it."),
        (PolicyAction.ESCALATE, "sends it to a person."),
    ):
        match = make_match()
        bucket = str(match.recording.bucket_id)
        name = f"House {action}"
        policy = make_policy(name=name, action=action, sets={"buckets": [bucket]})
        manager.post(reverse("portal:policy_apply", args=[policy.uid]))

        page = manager.get(match.review_url).content.decode()

        assert f"The policy {name} v1 {message}" in page, action
        assert ("Sent by a policy" in page) is (action == PolicyAction.ESCALATE)

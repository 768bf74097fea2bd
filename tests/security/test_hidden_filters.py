"""Filters tell nothing of what access limits hide."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.reach import working_for
from review.filters import MatchFilter
from review.selectors import matches
from tests.security.hidden import HIDDEN, HiddenWorld, make_world

pytestmark = pytest.mark.django_db

ISRC = "QZAA02600001"


@pytest.fixture
def world() -> HiddenWorld:
    return make_world()


def test_no_filter_tells_which_hidden_policy_acted(world: HiddenWorld) -> None:
    policy = world.own.match.policy
    assert policy is not None
    filters = MatchFilter(policy=policy.uid)

    with working_for(world.own.user):
        limited = list(matches(filters=filters))
    with working_for(world.admin):
        everything = list(matches(filters=filters))

    assert not limited
    assert world.own.match in everything


def test_no_filter_of_the_admin_asks_by_what_is_hidden(world: HiddenWorld) -> None:
    match, bucket = world.own.match, world.other.bucket
    queries: list[tuple[str, dict[str, Any]]] = [  # Any: values of a query
        ("review_match", {"policy__id__exact": match.policy_id}),
        ("review_match", {"policy": match.policy_id}),
        ("review_match", {"policy__in": f"{match.policy_id},7"}),
        ("review_match", {"policy__name__startswith": HIDDEN}),
        ("review_match", {"policy_name__startswith": HIDDEN}),
        ("review_match", {"licence__id__exact": match.licence_id}),
        ("review_match", {"licence__holder__startswith": HIDDEN}),
        ("review_match", {"decided_by_name__startswith": "licence:"}),
        ("scanning_container", {"buckets__id__exact": bucket.pk}),
    ]
    own = {"recording__bucket__id__exact": world.own.bucket.pk}
    client = Client()
    client.force_login(world.own.user)

    for name, query in queries:
        answer = client.get(reverse(f"admin:{name}_changelist"), query)
        assert answer.status_code in (302, 400), query
        # What does not exist is answered in the same way.
        absent = {key: 999 for key, value in query.items() if isinstance(value, int)}
        if absent:
            again = client.get(reverse(f"admin:{name}_changelist"), absent)
            assert again.status_code == answer.status_code, query
    page = client.get(reverse("admin:review_match_changelist"), own)
    assert page.context["cl"].result_count == 1

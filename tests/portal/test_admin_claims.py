"""Disputes in the admin: the same rules as everywhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from base.accounts.roles import Role
from review.choices import MatchState
from review.models import Dispute
from tests.factories.review import make_match
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def test_dispute_is_recorded_and_answered(signed_in: MakeClient) -> None:
    match = make_match(state=MatchState.CONFIRMED)
    client = signed_in(Role.MANAGER)
    page = client.get(reverse("admin:review_match_change", args=[match.pk]))
    address = reverse("admin:review_match_decide", args=[match.pk, "dispute"])
    assert address in page.content.decode()
    # The address of earlier versions.
    record = reverse("admin:review_match_claim", args=[match.pk, "dispute"])

    client.post(record, {"version": match.version, "code": "licensed", "note": ""})
    match.refresh_from_db()
    assert match.state == MatchState.DISPUTED

    uphold = reverse("admin:review_match_claim", args=[match.pk, "uphold"])
    client.post(uphold, {"version": match.version, "note": "No licence is known."})
    match.refresh_from_db()
    assert match.state == MatchState.UPHELD
    assert client.get(reverse("admin:review_dispute_changelist")).status_code == 200


def test_the_received_day_counts_and_today_is_now(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    def received(day: str) -> Dispute:
        match = make_match(state=MatchState.CONFIRMED)
        url = reverse("admin:review_match_claim", args=[match.pk, "dispute"])
        fields = {"version": 1, "code": "licensed", "received": day, "note": ""}
        client.post(url, fields)
        return Dispute.objects.get(match=match)

    assert f"{received('2026-01-31').due_at:%Y-%m-%d}" == "2026-03-02"
    today = received(str(timezone.localdate()))
    assert timezone.now() - today.received_at < timedelta(minutes=5)


def test_stale_pages_and_other_roles_release_no_claim(signed_in: MakeClient) -> None:
    match = make_match(state=MatchState.CONFIRMED)
    url = reverse("admin:review_match_claim", args=[match.pk, "release_claim"])
    manager = signed_in(Role.MANAGER)

    stale = manager.post(url, {"version": 9, "note": "typed text"}).content.decode()
    endless = manager.post(url, {"version": "9" * 5000, "note": "ours"})
    assert "typed text" in stale
    assert "nothing was saved" in stale
    assert 'name="version" value="1"' in endless.content.decode()

    assert signed_in(Role.VIEWER).get(url).status_code in (302, 403)
    signed_in(Role.REVIEWER).post(url, {"version": 1, "note": "because"})
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    unknown = reverse("admin:review_match_claim", args=[match.pk, "burn"])
    assert manager.get(unknown).status_code == 404

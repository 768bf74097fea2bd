"""Notices about matches that a merge of recordings joins."""

from __future__ import annotations

from functools import partial

import pytest
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from plugins.notices.models import ClaimedRight, NoticeLaw
from plugins.notices.tests.factories import make_claim, make_sent
from review import selectors
from review.choices import DisputeStatus, MatchState
from review.models import Match
from review.services.folding import fold_scan
from tests.dedup.test_joined_matches import merge, undo
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import make_detection

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mira")


@pytest.fixture
def reviewer() -> User:
    return make_user(Role.REVIEWER, username="ana")


def test_a_notice_and_a_dispute_follow_the_join_and_come_back(
    manager: User, reviewer: User
) -> None:
    claim = make_claim(reviewer)
    recording = claim.recording
    stays = RecordingFactory.create(bucket=recording.bucket)
    for recording_now in (recording, stays):
        recording_now.audio_sha256, recording_now.audio_bytes = "cd" * 32, 10
        recording_now.save()
    make_detection((70_000, 90_000, 5_000, 25_000), scan=claim.scan, recording=stays)
    fold_scan(scan=claim.scan)
    survivor = Match.objects.get(recording=stays)
    notice = make_sent([claim], reviewer, manager)
    dispute = deciding.record(
        match=Match.objects.get(pk=claim.pk), user=reviewer, code="licensed"
    ).dispute

    action = merge(stays, recording, manager)

    match = Match.objects.get()
    item = notice.items.get()
    assert (match.pk, match.state) == (survivor.pk, MatchState.DISPUTED)
    assert (item.match, item.match_uid) == (match, claim.uid)
    assert selectors.open_disputes().get().match == match
    undo(action, manager)
    assert notice.items.get().match_id == claim.pk
    assert selectors.open_disputes().get() == dispute
    assert dispute is not None
    assert dispute.status == DisputeStatus.OPEN


def test_a_notice_by_a_program_names_the_match_that_a_former_id_leads_to(
    client: Client, manager: User, reviewer: User
) -> None:
    claim = make_claim(reviewer)
    recording = claim.recording
    stays = RecordingFactory.create(bucket=recording.bucket)
    for recording_now in (recording, stays):
        recording_now.audio_sha256, recording_now.audio_bytes = "cd" * 32, 10
        recording_now.save()
    make_detection((70_000, 90_000, 5_000, 25_000), scan=claim.scan, recording=stays)
    fold_scan(scan=claim.scan)
    merge(stays, recording, manager)
    token = create_token(owner=manager, name="notices", scopes=["report"])
    law, right = NoticeLaw.US_512C, ClaimedRight.RECORDING
    fields = {"law": law, "right": right, "matches": [claim.uid]}
    post = partial(
        client.post,
        "/api/portal/v1/notices/",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token.secret}"},
    )

    answer = post(fields)
    assert answer.status_code == 201, answer.content
    assert [item["match"] for item in answer.json()["items"]] == [Match.objects.get().uid]
    unknown = post({**fields, "matches": [claim.uid, "m_GONE"]})
    assert unknown.status_code == 404
    assert "m_GONE" in unknown.json()["message"]

"""Notices in what previews say of a change."""

from __future__ import annotations

import pytest
from django.db.models import Q
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.standing import StatementKind, standing_on
from plugins.notices.checks import changed_since_signed
from plugins.notices.models import NOTICE
from plugins.notices.tests.factories import make_claim, make_sent
from review.choices import MatchState
from review.services import exclusions
from review.services.folding import fold_scan
from statements.choices import label_of
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory, make_detection
from tests.fixtures import MakeClient
from web.portal.shared.consequences import consequences_of

pytestmark = pytest.mark.django_db


def test_a_notice_stands_on_the_file_and_the_recording_of_its_match() -> None:
    claim = make_claim(make_user(Role.REVIEWER))
    notice = make_sent([claim], make_user(Role.REVIEWER), make_user(Role.MANAGER))
    cases = [f"file:{claim.scanned_file.uid}", f"recording:{claim.recording.uid}"]

    stated = standing_on(cases)

    assert label_of(NOTICE) == "Takedown notice"
    for case in cases:
        assert (NOTICE, notice.uid) in {
            (statement.kind, statement.uid) for statement in stated[case]
        }


def test_claims_and_signed_notices_come_first() -> None:
    manager, reviewer = make_user(Role.MANAGER), make_user(Role.REVIEWER)
    claim = make_claim(reviewer)
    waiting = make_match(recording=claim.recording)
    match = make_match(recording=claim.recording, match={"state": MatchState.RELEASED})
    notice = make_sent([claim], reviewer, manager)

    def change() -> object:
        return exclusions.exclude(
            recording=claim.recording, interval=(0, 10_000), reason="ident", user=manager
        )

    consequences = consequences_of(change, about=Q(recording=claim.recording))

    assert [change.match for change in consequences.matches] == [claim, match, waiting]
    assert consequences.counts[0] == (MatchState.CONFIRMED, "Keeps its state; less of it counts", 1)
    notice_change, pack = consequences.statements
    assert (notice_change.uid, pack.kind) == (notice.uid, StatementKind.EVIDENCE)
    assert "other seconds" in notice_change.texts[0]
    assert changed_since_signed(notice) == []
    change()
    assert changed_since_signed(notice) == list(notice_change.texts)


def test_a_notice_about_the_match_before_a_rescan_is_listed(signed_in: MakeClient) -> None:
    manager, reviewer = make_user(Role.MANAGER), make_user(Role.REVIEWER)
    claim = make_claim(reviewer)
    notice = make_sent([claim], reviewer, manager)
    scan = ScanFactory.create(scanned_file=claim.scanned_file)
    make_detection((70_000, 90_000, 5_000, 25_000), scan=scan, recording=claim.recording)
    fold_scan(scan=scan)
    draft = make_licence(recordings=[claim.recording], user=manager, in_force=False)
    page = reverse("portal:licence_preview", args=[draft.uid])

    consequences = consequences_of(
        lambda: exclusions.exclude(
            recording=claim.recording, interval=(5_000, 15_000), reason="ident", user=manager
        ),
        about=Q(recording=claim.recording),
    )
    text = signed_in(Role.MANAGER).get(page).content.decode()

    assert notice.uid in [change.uid for change in consequences.statements]
    assert notice.reference in text

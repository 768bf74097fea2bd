"""Reports and evidence packs say what a platform claims."""

from __future__ import annotations

from datetime import timedelta

import pytest

from base.accounts.models import AccessLimit, User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from plugins.claims import comparing
from plugins.claims.models import PlatformAccount
from plugins.claims.tests.making import DAY, report, run_import
from plugins.claims.tests.test_lists import claim, heard
from reports.choices import Mode
from reports.evidence.facts import case_json, gather
from reports.layouts import kept_columns
from reports.presets import presets
from reports.rows import match_columns
from reports.selectors import match_rows
from review.models import Match
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match

pytestmark = pytest.mark.django_db


def statuses(*matches: Match) -> list[object]:
    """Return the column of each match's row."""
    at = kept_columns(Mode.MATCH)[0].index("platform_claim_status")
    rows = match_rows([match.pk for match in matches], None)
    return [rows[match.pk][0][at] for match in matches]


def limited_to(**limits: list[int]) -> User:
    """Return a reviewer with these access limits and no other."""
    user = make_user(Role.REVIEWER)
    AccessLimit.objects.all().delete()
    AccessLimit.objects.create(group=user.groups.get(), **limits)
    return user


def compare() -> None:
    for account in PlatformAccount.objects.all():
        comparing.compare_account(account)


def test_the_column_follows_that_of_the_origin_of_matches() -> None:
    names = [column.name for column in match_columns()]

    assert names[names.index("origin") + 1] == "platform_claim_status"
    assert "platform_claim_status" in presets()[0].layout.columns


def test_rows_have_the_status_of_the_strongest_claim() -> None:
    several, other_match, gone = (heard(n, "confirmed") for n in (1, 2, 3))
    no_video = make_match()
    every = (several, other_match, gone, no_video)
    assert statuses(*every) == [None] * 4

    rows = [
        claim(1, claim_id="c1a", claim_status="INACTIVE"),
        claim(1, claim_id="c1b", claim_status="PENDING"),
        claim(1, claim_id="c1c", claim_status="ACTIVE", asset_id="A8"),
        claim(3),
        # Of the same video, but for another recording.
        claim(2, asset_id="A3", isrc="GBAYE0000003"),
    ]
    run_import(report(rows))
    compare()
    assert statuses(*every) == ["active", "none", "active", None]

    run_import(report(rows[:2]), day=DAY + timedelta(days=1))
    assert statuses(*every) == ["pending", "none", "none", None]


def test_a_limited_person_learns_of_no_hidden_claim() -> None:
    match, missing = heard(1, "confirmed"), heard(2, "confirmed")
    twin = RecordingFactory.create(bucket=BucketFactory.create())
    match.recording.same_sound_as = twin
    match.recording.save()
    run_import(report([claim(1)]))
    compare()

    assert statuses(match, missing) == ["active", "none"]
    with working_for(limited_to(buckets=[match.recording.bucket_id])):
        assert statuses(match) == [None]
    with working_for(limited_to(containers=[match.scanned_file.container_id])):
        assert statuses(match) == ["active"]
    assert case_json(gather(match_id=match.pk))["platform_claims"] == []


def test_a_pack_names_the_claims_of_its_match_and_no_other() -> None:
    match = heard(1, "confirmed")
    heard(2, "confirmed")
    run_import(report([claim(1, claim_status_detail="MADE_UP"), claim(2)]))
    compare()

    facts = gather(match_id=match.pk)

    (named,) = case_json(facts)["platform_claims"]
    assert named["claim_id"] == "c1"
    assert (named["status"], named["status_detail"]) == ("ACTIVE", "MADE_UP")
    assert named["first_report"] == named["newest_report"] == DAY.isoformat()
    assert b"platform_claim_status" not in facts.tables["match.csv"]

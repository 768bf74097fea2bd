"""Rows of a desk for the tests of access."""

from __future__ import annotations

from datetime import date

from django.core.files.base import ContentFile

import statements.services
from base.accounts.models import User
from catalogue.models import Recording
from imports.models import ImportStatus
from plugins.claims.choices import DiscrepancyKind
from plugins.claims.files import name_of
from plugins.claims.models import (
    AnswersImport,
    ClaimFile,
    ClaimsImport,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
)
from plugins.claims.statement import CLAIM_FILE
from tests.security.world import Desk, fact_about


def claims_import(desk: Desk, person: User | None = None) -> ClaimsImport:
    return ClaimsImport.objects.create(
        account=platform_claim(desk).account,
        file_name="claims.csv",
        report_day=date(2026, 11, 3),
        status=ImportStatus.CHECKED,
        made_by=person or desk.user,
    )


def answers_import(desk: Desk, person: User | None = None) -> AnswersImport:
    return AnswersImport.objects.create(
        claim_file=claim_file(desk, person),
        file_name="answers.csv",
        status=ImportStatus.CHECKED,
        made_by=person or desk.user,
    )


def platform_claim(desk: Desk) -> PlatformClaim:
    account = PlatformAccount.objects.get_or_create(name="Example Music")[0]
    asset = desk.row(
        PlatformAsset,
        account=account,
        asset_id=f"A{desk.recording.pk}",
        title="An asset of the desk",
        recording=desk.recording,
    )
    return desk.row(
        PlatformClaim,
        account=account,
        asset=asset,
        claim_id=f"c{desk.recording.pk}",
        video_id="v",
        link_key="k",
        status="ACTIVE",
        first_report=date(2026, 11, 3),
        detail_since=date(2026, 11, 3),
        scanned_file=desk.file,
    )


def claim_of(recording: Recording, _user: User) -> PlatformClaim:
    """Return a claim of an asset that is the recording."""
    account = PlatformAccount.objects.get_or_create(name="Example Music")[0]
    asset = PlatformAsset.objects.create(
        account=account, asset_id=f"A{recording.pk}", title="An asset", recording=recording
    )
    day = date(2026, 11, 3)
    return PlatformClaim.objects.create(
        account=account,
        asset=asset,
        claim_id=f"c{recording.pk}",
        video_id="v",
        link_key="k",
        status="ACTIVE",
        first_report=day,
        detail_since=day,
    )


def end_claim(claim: PlatformClaim, _user: User) -> None:
    """Let a report lack the claim, as the import writes it."""
    PlatformClaim.objects.filter(pk=claim.pk).update(gone_on=date(2026, 11, 4))


def claim_file(desk: Desk, person: User | None = None) -> ClaimFile:
    claim_file = ClaimFile.objects.create(
        kind="releases",
        file=ContentFile(b"-", name="releases.csv"),
        row_count=1,
        sha256="-",
        made_by=person or desk.user,
    )
    statements.services.issue(
        kind=CLAIM_FILE,
        subject=claim_file.uid,
        name=name_of(claim_file),
        facts=[fact_about(desk.match)],
        user=claim_file.made_by,
    )
    return claim_file


def discrepancy(desk: Desk) -> Discrepancy:
    claim = platform_claim(desk)
    return desk.row(
        Discrepancy,
        kind=DiscrepancyKind.NOT_HEARD,
        key=f"not_heard:c{claim.pk}",
        account=claim.account,
        claim=claim,
        recording=desk.recording,
        scanned_file=desk.file,
        evidence={"scan": "-"},
        is_weak=True,
        basis="-",
    )

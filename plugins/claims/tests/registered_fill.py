"""Rows of this capability for the browser's tests."""

from __future__ import annotations

from datetime import date

from django.core.files.base import ContentFile
from django.urls import reverse

from base.accounts.models import User
from catalogue.models import Recording
from imports.models import ImportStatus
from plugins.claims.choices import Meaning
from plugins.claims.comparing import compare_account
from plugins.claims.importing.importer import run as run_claims_import
from plugins.claims.models import (
    AnswersImport,
    ClaimFile,
    ClaimFileRow,
    ClaimsImport,
    Discrepancy,
    PlatformAccount,
    ReportedValue,
)
from plugins.claims.tests.making import ASSET, CONFLICT, VIDEO, report
from tests.e2e.fill.every import MORE


def add_claims(user: User) -> list[str]:
    """Import reports with something for several lists; return pages without a link."""
    recording = Recording.objects.filter(duration_ms__gt=0).order_by("pk")[0]
    account = PlatformAccount.objects.create(name="Example Music")
    detail = {"claim_status_detail": "MADE_UP"}
    claimed = {"custom_id": recording.custom_id}
    rows = [{"claim_id": "c1", **claimed}, {"claim_id": "c2", "asset_id": "A2", **detail}]
    asset = [{"conflicting_owner": "Other Music", **claimed}]
    video = [{"other_owners_claiming": "Other Music"}]
    for name, content in (
        ("claims.csv", report(rows)),
        ("assets.csv", report(asset, ASSET)),
        ("conflicts.csv", report([claimed], CONFLICT)),
        ("videos.csv", report(video, VIDEO)),
    ):
        import_ = _run_import(account, user, name, content, dry=False)
        account.refresh_from_db()
    elsewhere = PlatformAccount.objects.create(name="Example Music", platform="soundcloud")
    # Nobody could guess which column has the status.
    table = (
        b"Claim ID,Permalink,Where it stands,Plays\n"
        b"s1,https://soundcloud.com/example/set-1,active,90\n"
    )
    unmapped = _run_import(elsewhere, user, "table.csv", table, dry=True)
    ReportedValue.objects.update(meaning=Meaning.DISPUTED)
    compare_account(account)
    sent = ClaimFile.objects.create(
        kind="releases",
        state="sent",
        file=ContentFile(b"-", name="releases.csv"),
        row_count=1,
        sha256="-",
        made_by=user,
    )
    ClaimFileRow.objects.create(
        file=sent,
        discrepancy=Discrepancy.objects.order_by("pk")[0],
        number=1,
        answer="errors",
        answer_text="Claim not found",
    )
    answers = AnswersImport.objects.create(
        claim_file=sent,
        file=ContentFile(b"Row number,Status\n1,Errors", name="answers.csv"),
        file_name="answers.csv",
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    return [
        reverse("portal:claim_answers_import_detail", args=[answers.uid]),
        reverse("portal:claim_file_rows", args=[sent.uid]),
        reverse("portal:claims_import_detail", args=[import_.uid]),
        reverse("portal:claims_import_detail", args=[unmapped.uid]),
        reverse("portal:claim", args=[account.uid, "c2"]),
        reverse("portal:claim_asset", args=[account.uid, "A1"]),
        f"{reverse('portal:claims')}?list=not_scanned",
        f"{reverse('portal:claims')}?list=dispute_due",
        f"{reverse('portal:claims')}?list=by_others",
    ]


def _run_import(
    account: PlatformAccount, user: User, name: str, content: bytes, *, dry: bool
) -> ClaimsImport:
    """Import a report, or check it, as a worker does."""
    import_ = ClaimsImport.objects.create(
        account=account,
        report_day=date(2026, 11, 3),
        file=ContentFile(content, name=name),
        file_name=name,
        status=ImportStatus.CHECKED if dry else ImportStatus.DONE,
        made_by=user,
    )
    for column, value in run_claims_import(import_, lambda: None, dry=dry).items():
        setattr(import_, column, value)
    import_.save()
    return import_


MORE.register({"claims": add_claims})

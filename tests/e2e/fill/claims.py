"""Rows of claims: those of platforms, notices, a comparison of engines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.core.files.base import ContentFile
from django.urls import reverse

from accounts.models import User
from audit.standing import StatementKind
from catalogue.models import Recording
from imports.models import (
    AnswersImport,
    ClaimsImport,
    ImportStatus,
)
from imports.platforms.importer import run as run_claims_import
from notices.models import NoticeItem, NoticeLaw, NoticeState, TakedownNotice
from platforms.choices import Meaning
from platforms.comparing import compare_account
from platforms.models import (
    ClaimFile,
    ClaimFileRow,
    Discrepancy,
    PlatformAccount,
    ReportedValue,
)
from reports.cue_sheets import listed_cues
from reports.cue_statement import attach_files, issue_version, store_files
from reports.models import EngineTrial, TrialFile, TrialKind, TrialRow
from review.models import Match
from scanning.models import CloudAccount, ScannedFile
from statements.choices import StatementState
from statements.kinds import Fact
from statements.models import Statement
from statements.services import issue
from tests.platforms.making import ASSET, CONFLICT, VIDEO, report


def add_claims(recording: Recording, user: User) -> list[str]:
    """Import reports with something for several lists; return pages without a link."""
    account = PlatformAccount.objects.create(name="Example Music")
    detail = {"claim_status_detail": "MADE_UP"}
    claimed = {"custom_id": recording.custom_id}
    rows = [
        {"claim_id": "c1", **claimed},
        {"claim_id": "c2", "asset_id": "A2", **detail},
    ]
    asset = [{"conflicting_owner": "Other Music", **claimed}]
    video = [{"other_owners_claiming": "Other Music"}]
    for name, content in (
        ("claims.csv", report(rows)),
        ("assets.csv", report(asset, ASSET)),
        ("conflicts.csv", report([claimed], CONFLICT)),
        ("videos.csv", report(video, VIDEO)),
    ):
        one = _run_import(account, user, name, content, dry=False)
        account.refresh_from_db()
    elsewhere = PlatformAccount.objects.create(
        name="Example Music", platform="soundcloud"
    )
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
        reverse("portal:claims_import_detail", args=[one.uid]),
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
    one = ClaimsImport.objects.create(
        account=account,
        report_day=date(2026, 11, 3),
        file=ContentFile(content, name=name),
        file_name=name,
        status=ImportStatus.CHECKED if dry else ImportStatus.DONE,
        made_by=user,
    )
    for column, value in run_claims_import(one, lambda: None, dry=dry).items():
        setattr(one, column, value)
    one.save()
    return one


def add_notices(user: User) -> list[str]:
    """Make a notice in each state that has a page of its own; return those pages."""
    found = list(Match.objects.order_by("pk")[:4])
    now = datetime.now(tz=UTC)
    rows = {}
    states = (NoticeState.DRAFT, NoticeState.REVIEW, NoticeState.SIGNED)
    for number, state in enumerate((*states, NoticeState.SENT), start=1):
        signed: dict[str, object] = {
            "year": now.year,
            "number": number,
            "signed_at": now,
            "signed_by": user,
            "signature": "A. Muster",
            "pdf": ContentFile(b"%PDF", name=f"{number}.pdf"),
        }
        rows[state] = notice = TakedownNotice.objects.create(
            law=NoticeLaw.US_512C,
            platform="Video Example",
            state=state,
            **({} if state in states[:2] else signed),
        )
        NoticeItem.objects.create(
            notice=notice,
            match=found[number - 1],
            match_uid=found[number - 1].uid,
            url="https://video.example/v/1",
        )
    statement = issue(
        kind=StatementKind.NOTICE,
        subject=rows[NoticeState.SENT].uid,
        name=str(rows[NoticeState.SENT]),
        facts=[Fact(match=found[3].uid)],
        user=user,
        state=StatementState.SENT,
    )
    Statement.objects.filter(pk=statement.pk).update(
        differs_since=now,
        differs_in=[{"text": "The match is pending now.", "match": found[3].uid}],
        differs_count=1,
        differs_sha256="0" * 64,
    )
    return [
        *(
            reverse(f"portal:{name}", args=[statement.uid])
            for name in ("statement", "statement_keep", "statement_withdraw")
        ),
        add_approved_sheet(found[0].scanned_file, user),
        reverse("portal:notice_edit", args=[rows[NoticeState.DRAFT].uid]),
        reverse("portal:notice_sign", args=[rows[NoticeState.REVIEW].uid]),
        reverse("portal:notice_sent", args=[rows[NoticeState.SIGNED].uid]),
        reverse("portal:notice_answer", args=[rows[NoticeState.SENT].uid]),
    ]


def add_approved_sheet(file: ScannedFile, user: User) -> str:
    """Approve the cue sheet of a file; return the page of the version."""
    sheet = listed_cues(file)
    version = issue_version(sheet=sheet, user=user, state=StatementState.APPROVED)
    attach_files(version, sheet, store_files(sheet, "", []))
    return version.page_url


def add_trial(user: User) -> list[str]:
    """Make a trial that compared a file, and return its pages."""
    match = Match.objects.order_by("pk")[0]
    now = datetime.now(tz=UTC)
    trial = EngineTrial.objects.create(
        account=CloudAccount.objects.get(name="Console"),
        begins_at=now - timedelta(weeks=1),
        ends_at=now + timedelta(weeks=3),
        compared_at=now,
        price_per_hour=Decimal("2.50"),
        currency="EUR",
        made_by=user,
    )
    trial.containers.add(match.scanned_file.container)
    file = TrialFile.objects.create(
        trial=trial,
        scanned_file=match.scanned_file,
        our_scan=match.scan,
        their_scan=match.scan,
        duration_ms=match.scanned_file.length_ms,
    )
    for number, judged in enumerate(("", "heard")):
        TrialRow.objects.create(
            file=file,
            recording=Recording.objects.order_by("pk")[number],
            match=match,
            kind=TrialKind.ONLY_THEIRS,
            their_start_ms=1_000,
            their_end_ms=9_000,
            reference_start_ms=0,
            draw=number,
            sampled=True,
            judged=judged,
            judged_by=user if judged else None,
            judged_at=now if judged else None,
        )
    return [
        reverse("portal:trial_list"),
        trial.url,
        reverse("portal:trial_judge", args=[trial.uid]),
        reverse("portal:trial_end", args=[trial.uid]),
    ]

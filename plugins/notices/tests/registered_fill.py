"""Rows of this capability for the browser's tests."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.files.base import ContentFile
from django.urls import reverse

from base.accounts.models import User
from plugins.notices.models import NOTICE, NoticeItem, NoticeLaw, NoticeState, TakedownNotice
from review.models import Match
from statements.choices import StatementState
from statements.kinds import Fact
from statements.models import Statement
from statements.services import issue
from tests.e2e.fill.every import MORE


def add_notices(user: User) -> list[str]:
    """Make a notice in each state that has a page of its own; return those pages."""
    matches = list(Match.objects.order_by("pk")[:4])
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
            match=matches[number - 1],
            match_uid=matches[number - 1].uid,
            url="https://video.example/v/1",
        )
    statement = issue(
        kind=NOTICE,
        subject=rows[NoticeState.SENT].uid,
        name=str(rows[NoticeState.SENT]),
        facts=[Fact(match=matches[3].uid)],
        user=user,
        state=StatementState.SENT,
    )
    Statement.objects.filter(pk=statement.pk).update(
        differs_since=now,
        differs_in=[{"text": "The match is pending now.", "match": matches[3].uid}],
        differs_count=1,
        differs_sha256="0" * 64,
    )
    return [
        *(
            reverse(f"portal:{name}", args=[statement.uid])
            for name in ("statement", "statement_keep", "statement_withdraw")
        ),
        reverse("portal:notice_edit", args=[rows[NoticeState.DRAFT].uid]),
        reverse("portal:notice_sign", args=[rows[NoticeState.REVIEW].uid]),
        reverse("portal:notice_sent", args=[rows[NoticeState.SIGNED].uid]),
        reverse("portal:notice_answer", args=[rows[NoticeState.SENT].uid]),
    ]


MORE.register({"notices": add_notices})

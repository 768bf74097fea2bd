"""Writes letters."""

from __future__ import annotations

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from plugins.letters.models import LETTER, Letter
from review.models import Match
from statements.choices import StatementState
from statements.kinds import Fact
from statements.services import issue


@transaction.atomic
def write_letter(*, match: Match, text: str, user: User) -> Letter:
    """Write a letter, which states the match as it is."""
    letter = Letter.objects.create(match=match, text=text)
    base.audit.services.record(
        case=letter.case, action="letter.written", actor=user, after={"text": text}
    )
    issue(
        kind=LETTER,
        subject=letter.uid,
        name=text,
        facts=[Fact(match=match.uid, state=match.state)],
        user=user,
        state=StatementState.SENT,
    )
    return letter

"""Records what came back: it opens and closes disputes by the decisions of people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.zones import office_day
from plugins.notices.business_days import restore_days
from plugins.notices.checks import STANDING, items_of
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import (
    NoticeAnswer,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    NoticeState,
    TakedownNotice,
)
from plugins.notices.steps import NoticeStep, change, locked, record_step, require
from review.choices import DisputeCode, MatchState, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.errors import ReviewError
from review.models import Dispute, Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a platform or its user answered; ``code`` are the grounds, if any."""

    outcome: NoticeOutcome
    received_at: datetime
    statement: str = ""
    code: str = ""


@transaction.atomic
def answer(
    *, notice: TakedownNotice, version: int, matches: Collection[str], reply: Reply, user: User
) -> list[NoticeAnswer]:
    """Record an answer about matches, given by uid; it may open or close a dispute.

    A counter-notice, and a refusal with grounds, open a dispute of each claim. A removal
    closes an open one as withdrawn, which needs a manager. Raises ``NoticeRefused``.
    """
    require(user, Action.DECIDE)
    row = locked(notice, version, NoticeState.SENT, NoticeState.ANSWERED)
    _refuse_reply(reply)
    if row.sent_at is not None and reply.received_at < row.sent_at.replace(second=0, microsecond=0):
        raise NoticeRefused(
            "before_sent",
            _("The notice was sent later than that. Correct the time."),
            fields={"received_at": _("The notice was sent later than that.")},
        )
    # As with the signature, the minute of sending may begin before it.
    received_at = max(reply.received_at, row.sent_at or reply.received_at)
    reply = replace(reply, received_at=received_at)
    items = [item for item in items_of(row) if item.match_uid in set(matches)]
    if not items or len(items) != len(set(matches)):
        raise NoticeRefused("unknown_match", _("Choose the matches that the answer is about."))
    try:
        answers = [_answer_item(row, item, reply, user) for item in items]
    except ReviewError as refused:
        raise NoticeRefused(refused.code, refused.message) from refused
    NoticeItem.objects.filter(pk__in=[item.pk for item in items]).update(is_open=False)
    is_done = not row.items.filter(is_open=True).exists()
    change(row, {"state": NoticeState.ANSWERED if is_done else NoticeState.SENT})
    record_step(
        row,
        NoticeStep.ANSWERED,
        user,
        {
            "state": row.state,
            "outcome": reply.outcome.value,
            "received_at": reply.received_at.isoformat(),
            "matches": sorted(matches),
            "disputes": [
                claim_answer.dispute.uid for claim_answer in answers if claim_answer.dispute
            ],
        },
        reason=reply.code,
        note=reply.statement.strip(),
    )
    return answers


def _refuse_reply(reply: Reply) -> None:
    if reply.received_at > datetime.now(tz=UTC):
        raise NoticeRefused(
            "in_future", _("The answer cannot have arrived in the future. Correct the time.")
        )
    if reply.code and reply.code not in DisputeCode.values:
        raise NoticeRefused("unknown_code", _("Choose the grounds from the list."))
    if reply.outcome == NoticeOutcome.COUNTER and not reply.code:
        raise NoticeRefused(
            "incomplete",
            _("Choose the grounds of the counter-notice."),
            fields={"code": _("Choose the grounds of the counter-notice.")},
        )


def _answer_item(
    notice: TakedownNotice, item: NoticeItem, reply: Reply, user: User
) -> NoticeAnswer:
    begin = until = None
    if reply.outcome == NoticeOutcome.COUNTER and notice.law == NoticeLaw.US_512C:
        days = restore_days(office_day(reply.received_at))
        begin, until = days.begin, days.end
    return NoticeAnswer.objects.create(
        item=item,
        outcome=reply.outcome,
        received_at=reply.received_at,
        statement=reply.statement.strip(),
        code=reply.code,
        restore_from=begin,
        restore_until=until,
        dispute=_dispute_after(notice, item.match, reply, user),
        recorded_by=user,
    )


def _dispute_after(
    notice: TakedownNotice, match: Match, reply: Reply, user: User
) -> Dispute | None:
    """Open or close the dispute of a claim as its answer demands; None if neither."""
    objects = reply.outcome != NoticeOutcome.REMOVED and bool(reply.code)
    if objects and match.state in STANDING:
        note = f"{notice.reference}: {reply.statement.strip()}".rstrip(": ")
        decision = Decision(Verb.DISPUTE, code=reply.code, note=note, received_at=reply.received_at)
    elif reply.outcome == NoticeOutcome.REMOVED and match.state == MatchState.DISPUTED:
        note = f"{notice.reference}: the platform removed it. {reply.statement.strip()}"
        decision = Decision(Verb.WITHDRAW, note=note.strip())
    else:
        return match.dispute if objects else None
    return decide_one(match=match, version=match.version, decision=decision, user=user).dispute

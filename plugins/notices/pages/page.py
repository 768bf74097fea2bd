"""The context of a notice's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.reading import read_date
from base.common.zones import office_day
from plugins.notices import selectors
from plugins.notices.business_days import restore_days
from plugins.notices.checks import changes_since_signed, heard_together, items_of, unfit
from plugins.notices.content import content_of
from plugins.notices.models import NoticeAnswer, NoticeItem, NoticeState, TakedownNotice
from plugins.notices.notice_text import Content, blocks_of, head_of, title_of
from plugins.notices.pages.lists import STATE_ICONS
from plugins.notices.services import why_not_withdraw
from plugins.notices.signing import why_not_sign
from plugins.notices.steps import missing_in
from reports.evidence.selectors import MatchPacks, evidence_of_many
from review.choices import MatchState
from review.models import Match
from scanning.uses import FileUse, use_of


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer, and how the days of its counter-notice were counted, if it is one."""

    answer: NoticeAnswer
    counted: str


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One match of a notice with all that stops or follows it."""

    item: NoticeItem
    match: Match
    """What was decided about file and recording today."""
    packs: MatchPacks | None
    is_packed: bool
    """A pack states what a new one would, so the notice may name it."""
    problem: str
    """Why the notice may not name it now, or no longer holds."""
    url: str
    """The address that the document states."""
    intervals: Sequence[Sequence[int]]
    """Where the document says that the recording is heard, in ms of the file."""
    answers: list[AnswerRow]
    used: FileUse | None
    """The day and the territories by which rights count; none in a signed notice."""

    @property
    def is_disputed(self) -> bool:
        """Tell whether a dispute of the match is open."""
        return self.match.state == MatchState.DISPUTED


def find_notice(uid: str) -> TakedownNotice:
    """Return a notice that the user may see, or raise a 404."""
    return get_object_or_404(selectors.notices_in_reach(), uid=uid)


def document(notice: TakedownNotice) -> dict[str, object]:
    """Return the notice as it is read: title, lines below it, blocks."""
    return _document(content_of(notice))


def _document(content: Content) -> dict[str, object]:
    return {
        "document_title": title_of(content),
        "document_head": head_of(content),
        "blocks": blocks_of(content),
    }


def context_of(notice: TakedownNotice, user: User) -> dict[str, object]:
    """Return the context of the page of one notice."""
    content = content_of(notice)
    rows = _rows(notice, content)
    may_prepare = user.has_perm(Action.REPORT)
    may_sign = user.has_perm(Action.APPROVE)
    in_review = notice.state == NoticeState.REVIEW
    is_lapsed = not notice.is_unsigned and any(row.problem for row in rows)
    return _document(content) | {
        "notice": notice,
        "icon_name": STATE_ICONS[NoticeState(notice.state)],
        "rows": rows,
        "missing": missing_in(notice) if notice.is_unsigned else {},
        "lacks_evidence": notice.is_unsigned and not all(row.is_packed for row in rows),
        "is_lapsed": is_lapsed,
        "renew_url": renew_url(notice) if may_prepare else "",
        "doubts": heard_together(notice) if notice.is_unsigned else [],
        "why_not_sign": why_not_sign(notice, user) if in_review and may_sign else "",
        "may_fill": may_prepare and notice.state == NoticeState.DRAFT,
        "may_prepare": may_prepare,
        "may_sign": may_sign and in_review,
        "may_withdraw": may_prepare and not why_not_withdraw(notice, user),
        "may_answer": user.has_perm(Action.DECIDE)
        and notice.state in (NoticeState.SENT, NoticeState.ANSWERED),
        "events": selectors.events_of(notice),
    }


def renew_url(notice: TakedownNotice) -> str:
    """Return where a corrected notice begins; "" if it is too early or none may."""
    matches = selectors.renewable(notice)
    query = QueryDict(mutable=True)
    query.setlist("match", [match.uid for match in matches])
    return f"{reverse('portal:notice_prepare')}?{query.urlencode()}" if matches else ""


def _rows(notice: TakedownNotice, content: Content) -> list[ItemRow]:
    items = items_of(notice)
    stated = {row["match"]: row for row in content["items"]}
    packs = evidence_of_many(item.match_id for item in items)
    answers: dict[int, list[AnswerRow]] = {}
    for answer in selectors.answers_of(notice):
        answers.setdefault(answer.item_id, []).append(AnswerRow(answer, _describe_days(answer)))
    problems = _problems(notice, items)
    return [
        ItemRow(
            item=item,
            match=item.match,
            packs=packs.get(item.match_id),
            is_packed=stated[item.match_uid]["pack"] is not None,
            problem=problems.get(item.pk, ""),
            url=stated[item.match_uid]["url"],
            intervals=stated[item.match_uid]["intervals"],
            answers=answers.get(item.pk, []),
            used=use_of(item.match.scanned_file) if notice.is_unsigned else None,
        )
        for item in items
    ]


def _problems(notice: TakedownNotice, items: Sequence[NoticeItem]) -> dict[int, str]:
    """Return why an unsigned notice may not name items, or a signed one is wrong."""
    if not notice.is_unsigned:
        (changed,) = changes_since_signed([notice]).values()
        return {item.pk: text for item, text in changed}
    refused = unfit([item.match for item in items], right=notice.claimed_right, beside=notice)
    reasons = {match_refused.match.pk: match_refused.message for match_refused in refused}
    return {item.pk: reasons[item.match_id] for item in items if item.match_id in reasons}


def _describe_days(answer: NoticeAnswer) -> str:
    if answer.restore_until is None:
        return ""
    received = office_day(answer.received_at)
    days = restore_days(received)
    values = {
        "day": read_date(received, "dated"),
        "holidays": ", ".join(
            f"{holiday.name} ({read_date(holiday.day, 'dated')})" for holiday in days.holidays
        ),
    }
    if (days.begin, days.end) != (answer.restore_from, answer.restore_until):
        # Recorded before the portal knew holidays.
        return _("Counted from %(day)s, excluding Saturdays and Sundays but not holidays.") % values
    if not days.holidays:
        return _("Business days after %(day)s; there is no federal holiday in between.") % values
    return _("Business days after %(day)s, excluding %(holidays)s.") % values

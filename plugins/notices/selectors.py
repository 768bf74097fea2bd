"""Reads notices for lists, pages, the API and evidence packs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from base.accounts.reach import sees_everything
from base.audit.models import Event
from base.common.zones import office_day
from plugins.notices.checks import changes_since_signed, items_of, unfit
from plugins.notices.models import (
    NOTICE,
    NoticeAnswer,
    NoticeItem,
    NoticeOutcome,
    NoticeState,
    TakedownNotice,
)
from reports.evidence.models import PackStatus
from reports.evidence.selectors import current_packs, evidence_of_many
from review.models import Match
from statements.choices import STANDING
from statements.models import Statement
from statements.selectors import acts_on, last_of


def notices_in_reach() -> QuerySet[TakedownNotice]:
    """Return the notices whose matches the viewer may all see."""
    rows = TakedownNotice.objects.all()
    if sees_everything():
        return rows
    every: QuerySet[NoticeItem] = QuerySet(NoticeItem)
    hidden = every.filter(notice=OuterRef("pk")).exclude(pk__in=NoticeItem.objects.values("pk"))
    return rows.filter(~Exists(hidden))


def is_due(due: str) -> Q:
    """Select among notices with figures by what is to do.

    "counter" are those with a counter-notice whose deadline is not over, "lapsed" those
    that no longer hold, and "unanswered" those sent and unanswered.
    """
    if due == "counter":
        return Q(restore_until__isnull=False) & ~Q(state=NoticeState.WITHDRAWN)
    return Q(no_longer_holds=True) if due == "lapsed" else Q(state=NoticeState.SENT)


def with_figures(rows: QuerySet[TakedownNotice]) -> QuerySet[Any]:
    """Add the number of matches, the nearest deadline, and what the last check found."""
    differing = Statement.objects.filter(
        kind=NOTICE, subject=OuterRef("uid"), state__in=STANDING, differs_since__isnull=False
    )
    running = Q(
        items__answers__outcome=NoticeOutcome.COUNTER,
        items__answers__restore_until__gte=office_day(),
    )
    return rows.annotate(
        item_count=Count("items", distinct=True),
        restore_until=Min("items__answers__restore_until", filter=running),
        no_longer_holds=Exists(differing),
    )


def holds(q: str) -> Q:
    """Select by a text in account or recipient, or by a number or an id."""
    says = Q(uid=q) | Q(account__icontains=q) | Q(recipient__icontains=q)
    year, dash, number = q.upper().removeprefix("TN-").partition("-")
    if dash and year.isdecimal() and number.isdecimal() and len(year + number) < 12:
        says |= Q(year=int(year), number=int(number))
    return says


def platforms() -> list[str]:
    """Return the platforms of all notices that the viewer sees."""
    rows = notices_in_reach().order_by("platform").values_list("platform", flat=True)
    return list(rows.distinct())


def notices_of(match: Match) -> list[TakedownNotice]:
    """Return the notices that name a match, newest first."""
    items = NoticeItem.objects.filter(match=match)
    return list(notices_in_reach().filter(pk__in=items.values("notice")))


def renewable(notice: TakedownNotice) -> list[Match]:
    """Return the matches of a withdrawn notice that a corrected one may still name."""
    if notice.state != NoticeState.WITHDRAWN:
        return []
    matches = [item.match for item in items_of(notice)]
    refused = {unfit_match.match for unfit_match in unfit(matches, right=notice.claimed_right)}
    return [match for match in matches if match not in refused]


def notices_and_changes(match: Match) -> list[tuple[TakedownNotice, str]]:
    """Return the notices that name a match, each with what it says wrongly of it."""
    notices = notices_of(match)
    changes = changes_since_signed(notices)
    return [
        (notice, next((text for item, text in changes[notice.pk] if item.match == match), ""))
        for notice in notices
    ]


def answers_of(notice: TakedownNotice) -> list[NoticeAnswer]:
    """Return what came back, oldest first."""
    rows = NoticeAnswer.objects.filter(item__notice=notice).select_related(
        "item__match__recording", "recorded_by", "dispute"
    )
    return list(rows.order_by("received_at", "pk"))


def events_of(notice: TakedownNotice) -> QuerySet[Event]:
    """Return what people did with a notice, newest first; signed ones are statements."""
    if statement := last_of(NOTICE, notice.uid):
        return acts_on(statement)
    return Event.objects.filter(case=notice.case).order_by("-at", "-pk")


def matches_without_pack(items: Iterable[NoticeItem]) -> list[Match]:
    """Return the matches that have no current evidence pack, nor one being built."""
    rows = list(items)
    keys = [item.match_id for item in rows]
    packed = current_packs(keys)
    working = {
        key
        for key, packs in evidence_of_many(keys).items()
        if packs.newest.status in (PackStatus.QUEUED, PackStatus.BUILDING)
    }
    return [item.match for item in rows if item.match_id not in {*packed, *working}]

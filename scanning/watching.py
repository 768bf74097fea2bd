"""Checks watched sources: submits new items, marks files whose source is gone.

The next check is timed from this one, so missed checks never pile up.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

import base.audit.services
from base.jobs.context import JobContext
from scanning.choices import SourceGone, WatchItemState
from scanning.errors import IntakeRefused
from scanning.models import ScannedFile, Watch, WatchCheck, WatchItem
from scanning.repeating import ends_idle, finish_and_repeat, pause_after
from scanning.services.intake import file_of_link, submit_link
from scanning.services.link_batches import links_of_items
from scanning.services.watches import look, remember
from scanning.sources.feeds import Feed, FeedItem
from scanning.sources.link_keys import link_key
from scanning.sources.links import fault_of_link

logger = logging.getLogger(__name__)

_PROBES = 5
_PROBE_AGAIN = timedelta(days=1)
_LONGEST_WAIT = timedelta(days=7)
_KEPT_CHECKS = 200


def run(context: JobContext) -> None:
    """Check a watch, and ask for its next check."""
    watch: Watch = context.subject
    check = WatchCheck(watch=watch, at=datetime.now(tz=UTC))
    if ends_idle(context, check.at):
        return
    try:
        feed = look(url=watch.url)
    except IntakeRefused as refused:
        _end_failed(context, check, str(refused))
        return
    check.listed = len(feed.items)
    # Compare with the known items before the new ones are stored.
    check.gone = _note_missing(watch, feed)
    check.new = remember(watch=watch, items=feed.items)
    _submit_waiting(context, check)
    check.waiting = watch.items.filter(state=WatchItemState.WAITING).count()
    check.gone += _probe(context)
    _end_well(context, check, feed)


@transaction.atomic
def _end_failed(context: JobContext, check: WatchCheck, error: str) -> None:
    """Store the failure and double the pause until the next check."""
    watch: Watch = context.subject
    usual = watch.interval
    pause = pause_after(usual, watch.failures, longest=_LONGEST_WAIT)
    check.error = error[:1000]
    logger.info("watch %s failed: %s", watch.uid, error)
    finish_and_repeat(
        context,
        next_at=check.at + pause,
        last_check_at=check.at,
        # The column is a small integer.
        failures=min(watch.failures + 1, 1000),
        last_error=check.error,
    )
    _keep(check)


@transaction.atomic
def _end_well(context: JobContext, check: WatchCheck, feed: Feed) -> None:
    watch: Watch = context.subject
    finish_and_repeat(
        context,
        next_at=check.at + watch.interval,
        title=feed.title[:500] or watch.title,
        last_check_at=check.at,
        failures=0,
        last_error="",
    )
    _keep(check)
    if check.scanned or check.gone:
        base.audit.services.record(
            case=f"watch:{watch.uid}",
            action="watch.found",
            after={"submitted": check.scanned, "gone": check.gone},
        )


def _keep(check: WatchCheck) -> None:
    check.save()
    checks = WatchCheck.objects.filter(watch=check.watch)
    oldest = checks.order_by("-pk").values_list("pk", flat=True)[_KEPT_CHECKS:][:1]
    # Only the newest checks stay, or an hourly watch would fill the table.
    checks.filter(pk__lte=max(oldest, default=0)).delete()


def _submit_waiting(context: JobContext, check: WatchCheck) -> None:
    """Submit waiting items, oldest first, up to the limit per check."""
    watch: Watch = context.subject
    waiting = watch.items.filter(state=WatchItemState.WAITING)
    for item in waiting.order_by("first_seen_at", "-position")[: watch.items_per_check]:
        context.report()
        # Each item is committed on its own: a crash repeats at most one.
        with transaction.atomic():
            _submit(watch, item)
        check.scanned += item.state == WatchItemState.SCANNED
        check.seen_before += item.state == WatchItemState.SEEN


def _submit(watch: Watch, item: WatchItem) -> None:
    entry = FeedItem(item.url, item.title, item.account, item.published_at)
    link = links_of_items([entry])[0]
    try:
        item.scanned_file = submit_link(
            container=watch.container,
            url=link.url,
            user=None,
            details=link.details,
            name=link.name,
            scan_again=False,
        )
        item.state = WatchItemState.SCANNED
    except IntakeRefused as refused:
        # Somebody else submitted the link first; the item points to that file.
        if refused.code == "link_seen":
            item.state = WatchItemState.SEEN
            item.scanned_file = file_of_link(container=watch.container, key=item.link_key)
        else:
            item.state, item.message = WatchItemState.REFUSED, str(refused)[:500]
    item.save(update_fields=["state", "message", "scanned_file"])


def _note_missing(watch: Watch, feed: Feed) -> int:
    """Update which known items are listed; return how many have gone.

    A feed lists only its newest items. A missing item is gone if an older one is still
    listed; otherwise it may just have dropped off the end.
    """
    places = {link_key(item.url): place for place, item in enumerate(feed.items)}
    items = list(watch.items.select_related("scanned_file"))
    still_listed = [item for item in items if item.link_key in places]
    missing = [item for item in items if item.is_listed and item.link_key not in places]
    oldest_listed = max((item.position for item in still_listed), default=-1)
    gone = [item for item in missing if feed.whole or item.position < oldest_listed]
    _unmark(still_listed, {SourceGone.UNLISTED})
    for item in still_listed:
        item.is_listed, item.position = True, places[item.link_key]
    for item in missing:
        item.is_listed = False
    WatchItem.objects.bulk_update([*still_listed, *missing], ["is_listed", "position"])
    return sum(_mark(item, SourceGone.UNLISTED) for item in gone)


def _probe(context: JobContext) -> int:
    """Check the links of a few submitted items; return how many are gone."""
    before = datetime.now(tz=UTC) - _PROBE_AGAIN
    items = context.subject.items.filter(
        Q(probed_at__isnull=True) | Q(probed_at__lt=before),
        state=WatchItemState.SCANNED,
        scanned_file__deleted_at__isnull=True,
        # A link that was fetched today needs no test yet.
        scanned_file__created_at__lt=before,
    ).select_related("scanned_file")
    gone = 0
    links = {SourceGone.GONE, SourceGone.PRIVATE}
    for item in items.order_by(F("probed_at").asc(nulls_first=True), "pk")[:_PROBES]:
        context.report()
        fault = fault_of_link(item.url)
        if fault is None:
            _unmark([item], links)
        elif fault.value in links:
            gone += _mark(item, SourceGone(fault.value))
        WatchItem.objects.filter(pk=item.pk).update(probed_at=datetime.now(tz=UTC))
    return gone


@transaction.atomic
def _mark(item: WatchItem, why: SourceGone) -> bool:
    """Mark the item's file as gone at its source; False if it was marked before."""
    if item.scanned_file is None:
        return False
    marked = ScannedFile.objects.filter(
        pk=item.scanned_file.pk, source_gone_at__isnull=True, deleted_at__isnull=True
    ).update(source_gone_at=datetime.now(tz=UTC), source_gone_why=why)
    if marked:
        base.audit.services.record(
            case=f"file:{item.scanned_file.uid}",
            action="file.source_gone",
            after={"why": why.value},
        )
    return bool(marked)


def _unmark(items: Iterable[WatchItem], reasons: Collection[str]) -> None:
    """Clear the mark from files whose source is available again."""
    for item in items:
        file = item.scanned_file
        if file is None or file.source_gone_why not in reasons:
            continue
        with transaction.atomic():
            ScannedFile.objects.filter(pk=file.pk).update(source_gone_at=None, source_gone_why="")
            base.audit.services.record(case=f"file:{file.uid}", action="file.source_back")

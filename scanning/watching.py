"""Checks watched sources: submits new items, marks files whose source is gone.

A lease lets one worker at a time check a watch. The next check is timed from this one,
so missed checks never pile up.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

import audit.services
from common.leases import NO_LEASE, LeaseLost, free, lease_end
from scanning.choices import SourceGone, WatchItemState
from scanning.errors import IntakeRefused
from scanning.models import ScannedFile, Watch, WatchCheck, WatchItem
from scanning.services.intake import file_of_link, submit_link
from scanning.services.link_batches import links_of_items
from scanning.services.watches import look, remember
from scanning.sources.feeds import Feed, FeedItem
from scanning.sources.link_keys import link_key
from scanning.sources.links import fault_of_link

logger = logging.getLogger(__name__)

_PER_ROUND = 20
_PROBES = 5
_PROBE_AGAIN = timedelta(days=1)
_LONGEST_WAIT_HOURS = 168
_KEPT_CHECKS = 200


def check_due(*, owner: str) -> int:
    """Check the watches that are due; return how many were checked."""
    now = datetime.now(tz=UTC)
    due = Watch.objects.filter(free(now), enabled=True, next_check_at__lte=now)
    count = 0
    for key in list(due.order_by("next_check_at").values_list("pk", flat=True)):
        if count == _PER_ROUND:
            break
        if due.filter(pk=key).update(lease_owner=owner, lease_until=lease_end()):
            watch = Watch.objects.select_related("container").get(pk=key)
            try:
                _check(watch)
            except LeaseLost:
                logger.warning("watch %s went to another worker", watch.uid)
            count += 1
    return count


def _check(watch: Watch) -> None:
    # Deleted containers keep their watches for the history, switched off.
    if watch.container.deleted_at is not None:
        _release(watch, enabled=False, last_error="The container was deleted.")
        return
    check = WatchCheck(watch=watch, at=datetime.now(tz=UTC))
    try:
        feed = look(url=watch.url)
    except IntakeRefused as refused:
        _end_failed(watch, check, str(refused))
        return
    check.listed = len(feed.items)
    # Compare with the known items before the new ones are stored.
    check.gone = _note_missing(watch, feed)
    check.new = remember(watch=watch, items=feed.items)
    _submit_waiting(watch, check)
    check.waiting = watch.items.filter(state=WatchItemState.WAITING).count()
    check.gone += _probe(watch)
    _end_well(watch, check, feed)


def _end_failed(watch: Watch, check: WatchCheck, error: str) -> None:
    """Store the failure and double the pause until the next check."""
    # The exponent is capped so that long outages cannot overflow the interval.
    hours = watch.every_hours * 2 ** min(watch.failures, 10)
    hours = min(hours, max(_LONGEST_WAIT_HOURS, watch.every_hours))
    check.error = error[:1000]
    logger.info("watch %s failed: %s", watch.uid, error)
    with transaction.atomic():
        _release(
            watch,
            last_check_at=check.at,
            next_check_at=check.at + timedelta(hours=hours),
            # The column is a small integer.
            failures=min(watch.failures + 1, 1000),
            last_error=check.error,
        )
        _keep(check)


def _end_well(watch: Watch, check: WatchCheck, feed: Feed) -> None:
    with transaction.atomic():
        _release(
            watch,
            title=feed.title[:500] or watch.title,
            last_check_at=check.at,
            next_check_at=check.at + timedelta(hours=watch.every_hours),
            failures=0,
            last_error="",
        )
        _keep(check)
        if check.scanned or check.gone:
            audit.services.record(
                case=f"watch:{watch.uid}",
                action="watch.found",
                after={"submitted": check.scanned, "gone": check.gone},
            )


def _release(watch: Watch, **columns: object) -> None:
    """Write the outcome and give up the lease; ``LeaseLost`` if another worker has it."""
    mine = Watch.objects.filter(pk=watch.pk, lease_owner=watch.lease_owner)
    if not mine.update(**columns, **NO_LEASE):
        raise LeaseLost


def _keep(check: WatchCheck) -> None:
    check.save()
    checks = WatchCheck.objects.filter(watch=check.watch)
    oldest = checks.order_by("-pk").values_list("pk", flat=True)[_KEPT_CHECKS:][:1]
    # Only the newest checks stay, or an hourly watch would fill the table.
    checks.filter(pk__lte=max(oldest, default=0)).delete()


def _renew(watch: Watch) -> None:
    mine = Watch.objects.filter(pk=watch.pk, lease_owner=watch.lease_owner)
    if not mine.update(lease_until=lease_end()):
        raise LeaseLost


def _submit_waiting(watch: Watch, check: WatchCheck) -> None:
    """Submit waiting items, oldest first, up to the limit per check."""
    waiting = watch.items.filter(state=WatchItemState.WAITING)
    for item in waiting.order_by("first_seen_at", "-position")[: watch.items_per_check]:
        # Many items can take longer than the lease.
        _renew(watch)
        # Each item is committed on its own: a crash repeats at most one.
        with transaction.atomic():
            _submit(watch, item)
        check.scanned += item.state == WatchItemState.SCANNED
        check.seen_before += item.state == WatchItemState.SEEN


def _submit(watch: Watch, item: WatchItem) -> None:
    entry = FeedItem(item.url, item.title, item.account, item.published_at)
    wanted = links_of_items([entry])[0]
    try:
        item.scanned_file = submit_link(
            container=watch.container,
            url=wanted.url,
            user=None,
            details=wanted.details,
            name=wanted.name,
            scan_again=False,
        )
        item.state = WatchItemState.SCANNED
    except IntakeRefused as refused:
        # Somebody else submitted the link first; the item points to that file.
        if refused.code == "link_seen":
            item.state = WatchItemState.SEEN
            item.scanned_file = file_of_link(
                container=watch.container, key=item.link_key
            )
        else:
            item.state, item.message = WatchItemState.REFUSED, str(refused)[:500]
    item.save(update_fields=["state", "message", "scanned_file"])


def _note_missing(watch: Watch, feed: Feed) -> int:
    """Update which known items are listed; return how many have gone.

    A feed lists only its newest items. A missing item is gone if an older one is still
    listed; otherwise it may just have dropped off the end.
    """
    places = {link_key(item.url): place for place, item in enumerate(feed.items)}
    known = list(watch.items.select_related("scanned_file"))
    listed = [item for item in known if item.link_key in places]
    missing = [item for item in known if item.is_listed and item.link_key not in places]
    oldest_listed = max((item.position for item in listed), default=-1)
    gone = [item for item in missing if feed.whole or item.position < oldest_listed]
    _unmark(listed, {SourceGone.UNLISTED})
    for item in listed:
        item.is_listed, item.position = True, places[item.link_key]
    for item in missing:
        item.is_listed = False
    WatchItem.objects.bulk_update([*listed, *missing], ["is_listed", "position"])
    return sum(_mark(item, SourceGone.UNLISTED) for item in gone)


def _probe(watch: Watch) -> int:
    """Check the links of a few submitted items; return how many are gone."""
    before = datetime.now(tz=UTC) - _PROBE_AGAIN
    items = watch.items.filter(
        Q(probed_at__isnull=True) | Q(probed_at__lt=before),
        state=WatchItemState.SCANNED,
        scanned_file__deleted_at__isnull=True,
        # A link that was fetched today needs no test yet.
        scanned_file__created_at__lt=before,
    ).select_related("scanned_file")
    gone = 0
    links = {SourceGone.GONE, SourceGone.PRIVATE}
    for item in items.order_by(F("probed_at").asc(nulls_first=True), "pk")[:_PROBES]:
        _renew(watch)
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
        audit.services.record(
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
            ScannedFile.objects.filter(pk=file.pk).update(
                source_gone_at=None, source_gone_why=""
            )
            audit.services.record(case=f"file:{file.uid}", action="file.source_back")

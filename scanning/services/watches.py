"""Creates, changes and ends watches; ``scanning.watching`` checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.common.databases import violates
from base.common.exchanges import FetchFailed, LinkRefused
from base.jobs.services import cancel_subject, submit
from scanning.choices import WatchItemState
from scanning.errors import IntakeRefused
from scanning.jobs import WATCH_CHECK
from scanning.models import Watch, WatchItem
from scanning.repeating import change_settings, next_runs, run_soon, switch
from scanning.services.intake import file_of_link
from scanning.sources.feeds import Feed, FeedItem, expand
from scanning.sources.link_keys import link_key

# A watch of another source or container is another watch.
_CHANGEABLE = ("every_hours", "items_per_check", "title_words")


@dataclass(frozen=True, slots=True)
class FeedPreview:
    """The items a source lists now, with the state each would get."""

    feed: Feed
    items: Sequence[tuple[FeedItem, WatchItemState]]

    @property
    def to_scan(self) -> int:
        """Return how many items would be scanned."""
        return sum(state == WatchItemState.WAITING for _, state in self.items)


def look(*, url: str) -> Feed:
    """Return the feed behind a link; raise ``IntakeRefused`` with the cause."""
    try:
        return expand(url.strip())
    except LinkRefused as error:
        raise IntakeRefused(
            "link_refused", _("This link is not allowed: %(error)s.") % {"error": error}
        ) from error
    except FetchFailed as error:
        raise IntakeRefused(
            "nothing_listed", _("Nothing could be listed: %(error)s.") % {"error": error}
        ) from error


def preview(*, watch: Watch) -> FeedPreview:
    """List the source of a watch that is not saved yet."""
    feed = look(url=watch.url)
    states = []
    for item in feed.items:
        earlier = file_of_link(container=watch.container, key=link_key(item.url))
        state = WatchItemState.SEEN if earlier else begins_as(watch, item.title)
        states.append((item, state))
    return FeedPreview(feed, states)


def create_watch(*, watch: Watch, also_present: bool, user: User) -> Watch:
    """Create a watch; items listed now are scanned only if ``also_present``.

    Raise ``IntakeRefused`` if the link lists nothing or is already watched.
    """
    watch.url = watch.url.strip()
    feed = look(url=watch.url)
    now = datetime.now(tz=UTC)
    watch.link_key = link_key(watch.url)
    watch.title = feed.title[:500]
    watch.created_by = user
    watch.last_check_at = now
    # Present items are scanned at once; otherwise there is nothing to do until later.
    first_at = now if also_present else now + watch.interval
    try:
        # The unique constraint decides between two people who create the same watch.
        with transaction.atomic():
            watch.save()
            remember(watch=watch, items=feed.items, waiting=also_present)
            submit(WATCH_CHECK, watch, at=first_at)
            settings = {**_settings(watch), "also_present": also_present}
            _record(watch, "watch.created", user, settings)
    except IntegrityError as error:
        if not violates(error, Watch, "watch_once_per_container"):
            raise
        raise IntakeRefused(
            "watched_already", _("This container already watches the link."), status=409
        ) from error
    return watch


def remember(*, watch: Watch, items: Sequence[FeedItem], waiting: bool = True) -> int:
    """Store items that are new to a watch; return how many are.

    They wait for a scan if they are ``waiting`` and their titles pass the filter.
    """
    now = datetime.now(tz=UTC)
    stored_keys = set(watch.items.values_list("link_key", flat=True))
    fresh = []
    for position, item in enumerate(items):
        key = link_key(item.url)
        if key in stored_keys:
            continue
        # A feed may list the same link twice.
        stored_keys.add(key)
        fresh.append(
            WatchItem(
                watch=watch,
                link_key=key,
                url=item.url,
                title=item.title[:500],
                account=item.account[:300],
                published_at=item.published_at,
                state=begins_as(watch, item.title) if waiting else WatchItemState.PRESENT,
                position=position,
                first_seen_at=now,
            )
        )
    WatchItem.objects.bulk_create(fresh)
    return len(fresh)


def begins_as(watch: Watch, title: str) -> WatchItemState:
    """Return the state of a new item, by the watch's title filter."""
    lowered = title.lower()
    if not watch.words or any(word in lowered for word in watch.words):
        return WatchItemState.WAITING
    return WatchItemState.FILTERED


def change_watch(*, watch: Watch, columns: Mapping[str, object], user: User) -> None:
    """Change interval, limit and title filter from the next check on."""
    before = _settings(watch)
    changeable = {name: columns[name] for name in _CHANGEABLE}
    with transaction.atomic():
        change_settings(WATCH_CHECK, watch, columns=changeable, last_at=watch.last_check_at)
        _record(watch, "watch.changed", user, _settings(watch), before)


def switch_watch(*, watch: Watch, enabled: bool, user: User) -> None:
    """Pause or resume a watch; after resuming, an overdue check happens at once."""
    with transaction.atomic():
        switch(WATCH_CHECK, watch, enabled=enabled)
        action = "watch.resumed" if enabled else "watch.paused"
        _record(watch, action, user, {"enabled": enabled})


def check_soon(*, watch: Watch, user: User) -> None:
    """Have the worker check a watch now, regardless of failures."""
    with transaction.atomic():
        run_soon(WATCH_CHECK, watch, user=user)
        _record(watch, "watch.asked", user, {})


def delete_watch(*, watch: Watch, user: User) -> None:
    """Delete a watch and its history; its files stay."""
    with transaction.atomic():
        cancel_subject(WATCH_CHECK, watch)
        _record(watch, "watch.deleted", user, {}, _settings(watch))
        watch.delete()


def next_checks(watches: Iterable[Watch]) -> dict[int, datetime]:
    """Return when watches are checked next, by primary key."""
    return next_runs(WATCH_CHECK, watches)


def _settings(watch: Watch) -> dict[str, object]:
    return {
        "url": watch.url,
        "container": watch.container_id,
        **{name: getattr(watch, name) for name in _CHANGEABLE},
    }


def _record(
    watch: Watch,
    action: str,
    user: User,
    after: dict[str, object],
    before: dict[str, object] | None = None,
) -> None:
    base.audit.services.record(
        case=f"watch:{watch.uid}", action=action, actor=user, before=before, after=after
    )

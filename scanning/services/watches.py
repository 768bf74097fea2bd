"""Making, changing and ending watches; ``scanning.watching`` does what they ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

import audit.services
from accounts.models import User
from common.http import FetchFailed, LinkRefused
from scanning.choices import WatchItemState
from scanning.errors import IntakeRefused
from scanning.models import Watch, WatchItem
from scanning.services.intake import file_of_link
from scanning.sources.feeds import Feed, FeedItem, expand
from scanning.sources.link_keys import link_key

_CHANGEABLE = ("every_hours", "items_per_check", "title_words")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a source lists now, each item with what a watch would make of it."""

    feed: Feed
    items: Sequence[tuple[FeedItem, WatchItemState]]

    @property
    def wanted(self) -> int:
        """Return how many would be scanned."""
        return sum(state == WatchItemState.WAITING for _, state in self.items)


def look(*, url: str) -> Feed:
    """Return what a link lists; raise ``IntakeRefused`` with the cause."""
    try:
        return expand(url.strip())
    except LinkRefused as error:
        raise IntakeRefused(
            "link_refused", f"This link is not allowed: {error}."
        ) from error
    except FetchFailed as error:
        raise IntakeRefused(
            "nothing_listed", f"Nothing could be listed: {error}."
        ) from error


def preview(*, watch: Watch) -> Preview:
    """Look at the source of a watch that is not saved yet."""
    feed = look(url=watch.url)
    told = []
    for item in feed.items:
        earlier = file_of_link(container=watch.container, key=link_key(item.url))
        state = WatchItemState.SEEN if earlier else begins_as(watch, item.title)
        told.append((item, state))
    return Preview(feed, told)


def create_watch(*, watch: Watch, also_present: bool, user: User) -> Watch:
    """Begin a watch; what is listed now is scanned too only if ``also_present``.

    Raises ``IntakeRefused`` for a link that lists nothing or is watched already.
    """
    watch.url = watch.url.strip()
    feed = look(url=watch.url)
    now = datetime.now(tz=UTC)
    watch.link_key = link_key(watch.url)
    watch.title = feed.title[:500]
    watch.created_by = user
    watch.last_check_at = now
    watch.next_check_at = (
        now if also_present else now + timedelta(hours=watch.every_hours)
    )
    try:
        with transaction.atomic():
            watch.save()
            remember(watch=watch, items=feed.items, wanted=also_present)
            told = {**_told(watch), "also_present": also_present}
            _record(watch, "watch.created", user, told)
    except IntegrityError as error:
        raise IntakeRefused(
            "watched_already", "This container watches the link already.", status=409
        ) from error
    return watch


def remember(*, watch: Watch, items: Sequence[FeedItem], wanted: bool = True) -> int:
    """Keep items that are new to a watch; return how many are.

    They wait to be scanned if they are ``wanted`` and their titles fit.
    """
    now = datetime.now(tz=UTC)
    known = set(watch.items.values_list("link_key", flat=True))
    fresh = []
    for position, item in enumerate(items):
        key = link_key(item.url)
        if key in known:
            continue
        known.add(key)
        fresh.append(
            WatchItem(
                watch=watch,
                link_key=key,
                url=item.url,
                title=item.title[:500],
                account=item.account[:300],
                published_at=item.published_at,
                state=begins_as(watch, item.title)
                if wanted
                else WatchItemState.PRESENT,
                position=position,
                first_seen_at=now,
            )
        )
    WatchItem.objects.bulk_create(fresh)
    return len(fresh)


def begins_as(watch: Watch, title: str) -> WatchItemState:
    """Return whether an item is wanted by its title."""
    lowered = title.lower()
    if not watch.words or any(word in lowered for word in watch.words):
        return WatchItemState.WAITING
    return WatchItemState.FILTERED


def change_watch(*, watch: Watch, columns: Mapping[str, object], user: User) -> None:
    """Change interval, limit and title filter; they count from the next check on."""
    before = _told(watch)
    for name in _CHANGEABLE:
        setattr(watch, name, columns[name])
    if watch.last_check_at is not None and not watch.failures:
        watch.next_check_at = watch.last_check_at + timedelta(hours=watch.every_hours)
    with transaction.atomic():
        watch.save(update_fields=[*_CHANGEABLE, "next_check_at"])
        _record(watch, "watch.changed", user, _told(watch), before)


def switch_watch(*, watch: Watch, enabled: bool, user: User) -> None:
    """Pause a watch or let it go on; it is checked at once if a check is overdue."""
    with transaction.atomic():
        Watch.objects.filter(pk=watch.pk).update(enabled=enabled)
        action = "watch.resumed" if enabled else "watch.paused"
        _record(watch, action, user, {"enabled": enabled})


def check_soon(*, watch: Watch, user: User) -> None:
    """Have the worker check a watch now, whatever failed before."""
    with transaction.atomic():
        Watch.objects.filter(pk=watch.pk).update(next_check_at=datetime.now(tz=UTC))
        _record(watch, "watch.asked", user, {})


def delete_watch(*, watch: Watch, user: User) -> None:
    """End a watch and forget its history; the files that it brought stay."""
    with transaction.atomic():
        _record(watch, "watch.deleted", user, {}, _told(watch))
        watch.delete()


def _told(watch: Watch) -> dict[str, object]:
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
    audit.services.record(
        case=f"watch:{watch.uid}",
        action=action,
        actor=user,
        before=before,
        after=after,
    )

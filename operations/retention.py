"""The retention rules, what they delete next, and the deletion of expired entries.

Sessions and queue entries are deleted here; audio, reports and callbacks by their own
packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Count, F, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_tasks_db.models import DBTaskResult

from reports.services import runs_past_their_time
from scanning.choices import KeepAudio
from scanning.models import Container
from scanning.retention import days_kept, losing_audio
from scanning.services.callbacks import past_their_time

# People look up a finished job soon or never, and its own row holds the result too.
QUEUE_DAYS = 7
_PER_SWEEP = 1000


@dataclass(frozen=True, slots=True)
class Outlook:
    """One retention rule, and what it deletes by a given moment.

    ``days`` is None if the rule deletes at once, and 0 if it never deletes.
    """

    kind: str
    label: str | Promise
    of: str
    days: int | None
    setting: str
    count: int
    size_bytes: int


def outlook(*, by: datetime) -> list[Outlook]:
    """Return each rule with what it deletes by a moment; nothing is changed."""
    return [*_audio(by), _reports(by), _callbacks(by), _sessions(by), _queue(by)]


def prune(**_signal: object) -> int:
    """Delete a batch of expired sessions and done queue entries; return the count."""
    now = datetime.now(tz=UTC)
    keys = list(_sessions_over(now).values_list("pk", flat=True)[:_PER_SWEEP])
    # allauth's list of sessions refers to the same keys.
    UserSession.objects.filter(session_key__in=keys).delete()
    ended, _details = Session.objects.filter(pk__in=keys).delete()
    done = list(_queue_over(now).values_list("pk", flat=True)[:_PER_SWEEP])
    forgotten, _details = DBTaskResult.objects.filter(pk__in=done).delete()
    return ended + forgotten


def _audio(by: datetime) -> Iterator[Outlook]:
    for container in Container.objects.order_by("name", "pk"):
        expiring = losing_audio(container=container, by=by).aggregate(
            count=Count("pk"), size=Sum("size_bytes")
        )
        # A deleted container without audio has nothing to show.
        if container.deleted_at is not None and not expiring["count"]:
            continue
        kept = {container.link_audio, container.upload_audio}
        yield Outlook(
            kind="audio",
            label=_("Audio of scanned files"),
            of=container.name,
            days=days_kept(container) if kept == {KeepAudio.ORIGINAL} else None,
            setting="ACRPORTAL_AUDIO_DAYS",
            count=expiring["count"],
            size_bytes=expiring["size"] or 0,
        )


def _reports(by: datetime) -> Outlook:
    expiring = runs_past_their_time(by=by).aggregate(
        count=Count("pk"), size=Sum(F("size_bytes"))
    )
    return Outlook(
        kind="reports",
        label=_("Reports with their rows and files"),
        of="",
        days=settings.ACRPORTAL_REPORT_DAYS,
        setting="ACRPORTAL_REPORT_DAYS",
        count=expiring["count"],
        size_bytes=expiring["size"] or 0,
    )


def _callbacks(by: datetime) -> Outlook:
    expiring = past_their_time(by=by).aggregate(
        count=Count("pk"), size=Sum("body_bytes")
    )
    return Outlook(
        kind="callbacks",
        label=_("Callbacks for files that never arrived"),
        of="",
        days=settings.ACRPORTAL_ORPHAN_DAYS,
        setting="ACRPORTAL_ORPHAN_DAYS",
        count=expiring["count"],
        size_bytes=expiring["size"] or 0,
    )


def _sessions(by: datetime) -> Outlook:
    return Outlook(
        kind="sessions",
        label=_("Unused sessions"),
        of="",
        days=settings.SESSION_COOKIE_AGE // 86_400,
        setting="",
        count=_sessions_over(by).count(),
        size_bytes=0,
    )


def _queue(by: datetime) -> Outlook:
    return Outlook(
        kind="queue",
        label=_("Finished queue entries"),
        of="",
        days=QUEUE_DAYS,
        setting="",
        count=_queue_over(by).count(),
        size_bytes=0,
    )


def _sessions_over(by: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=by)


def _queue_over(by: datetime) -> QuerySet[Any]:
    # Any: the library's own row
    before = by - timedelta(days=QUEUE_DAYS)
    done: QuerySet[Any] = DBTaskResult.objects.successful()
    return done.filter(finished_at__lt=before)

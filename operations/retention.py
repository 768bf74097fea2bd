"""The retention rules, their next deletions, and the deletion of expired entries.

Sessions are deleted here; audio, reports, callbacks and jobs by their own packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Count, F, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from jobs.services import DONE_KEPT, jobs_past_their_time
from reports.services import runs_past_their_time
from scanning.choices import KeepAudio
from scanning.models import Container
from scanning.retention import callbacks_past_their_time, days_kept, losing_audio

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Outlook:
    """One retention rule, and its deletions by a given moment.

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
    """Return each rule with its deletions by a moment; nothing is changed."""
    sessions = Outlook(
        kind="sessions",
        label=_("Unused sessions"),
        of="",
        days=settings.SESSION_COOKIE_AGE // 86_400,
        setting="",
        count=_sessions_over(by).count(),
        size_bytes=0,
    )
    jobs = Outlook(
        kind="jobs",
        label=_("Finished jobs"),
        of="",
        days=DONE_KEPT.days,
        setting="",
        count=jobs_past_their_time(by=by).count(),
        size_bytes=0,
    )
    return [*_audio(by), _reports(by), _callbacks(by), sessions, jobs]


def prune() -> int:
    """Delete a batch of expired sessions; return the count."""
    now = datetime.now(tz=UTC)
    keys = list(_sessions_over(now).values_list("pk", flat=True)[:_AT_ONCE])
    # allauth's list of sessions refers to the same keys.
    UserSession.objects.filter(session_key__in=keys).delete()
    return Session.objects.filter(pk__in=keys).delete()[0]


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
    expiring = callbacks_past_their_time(by=by).aggregate(
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


def _sessions_over(by: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=by)

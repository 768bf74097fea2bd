"""The retention rules, their next deletions, and the deletion of expired entries.

Sessions are deleted here; audio, reports, callbacks and jobs by their own packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Count, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from base.jobs.services import DONE_KEPT, jobs_past_their_time
from reports.services import runs_past_their_time
from scanning.choices import KeepAudio
from scanning.models import Container
from scanning.retention import callbacks_past_their_time, days_kept, losing_audio

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One retention rule, and its deletions by a given moment.

    ``days`` is None if the rule deletes at once, and 0 if it never deletes.
    """

    kind: str
    label: str | Promise
    of: str = ""
    days: int | None
    setting: str = ""
    count: int
    size_bytes: int = 0


def outlook(*, by: datetime) -> list[Outlook]:
    """Return each rule with its deletions by a moment; nothing is changed."""
    return [
        *_audio(by),
        Outlook(
            kind="reports",
            label=_("Reports with their rows and files"),
            days=settings.ACRPORTAL_REPORT_DAYS,
            setting="ACRPORTAL_REPORT_DAYS",
            **_totals(runs_past_their_time(by=by), "size_bytes"),
        ),
        Outlook(
            kind="callbacks",
            label=_("Callbacks for files that never arrived"),
            days=settings.ACRPORTAL_ORPHAN_DAYS,
            setting="ACRPORTAL_ORPHAN_DAYS",
            **_totals(callbacks_past_their_time(by=by), "body_bytes"),
        ),
        Outlook(
            kind="sessions",
            label=_("Unused sessions"),
            days=settings.SESSION_COOKIE_AGE // 86_400,
            count=_sessions_over(by).count(),
        ),
        Outlook(
            kind="jobs",
            label=_("Finished jobs"),
            days=DONE_KEPT.days,
            count=jobs_past_their_time(by=by).count(),
        ),
    ]


def prune() -> int:
    """Delete a batch of expired sessions; return the count."""
    now = datetime.now(tz=UTC)
    keys = list(_sessions_over(now).values_list("pk", flat=True)[:_AT_ONCE])
    # allauth's list of sessions refers to the same keys.
    UserSession.objects.filter(session_key__in=keys).delete()
    return Session.objects.filter(pk__in=keys).delete()[0]


def _audio(by: datetime) -> Iterator[Outlook]:
    for container in Container.objects.order_by("name", "pk"):
        expiring = _totals(losing_audio(container=container, by=by), "size_bytes")
        # A deleted container without audio has nothing to show.
        if container.deleted_at is not None and not expiring["count"]:
            continue
        choices = {container.link_audio, container.upload_audio}
        yield Outlook(
            kind="audio",
            label=_("Audio of scanned files"),
            of=container.name,
            days=days_kept(container) if choices == {KeepAudio.ORIGINAL} else None,
            setting="ACRPORTAL_AUDIO_DAYS",
            **expiring,
        )


class _Totals(TypedDict):
    """How many rows a rule deletes, and what they take."""

    count: int
    size_bytes: int


def _totals(rows: QuerySet[Any], column: str) -> _Totals:  # Any: of any model
    totals = rows.aggregate(count=Count("pk"), size=Sum(column, default=0))
    return {"count": totals["count"], "size_bytes": totals["size"]}


def _sessions_over(by: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=by)

"""The rows of the lists of matches, and what changed in those that a browser shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.models import RecordingStatus
from review import selectors
from review.choices import WAITING_STATES
from review.filters import MatchFilter
from review.models import Match
from review.services import saved_views
from statements.selectors import Mark, marks_of_matches
from web.portal.review.page import Lock, lock_of
from web.portal.review.queue import Queue, tab_counts
from web.portal.review.reasons import FROM_QUEUE, Proposed, ShownReason, proposed, shown_reason
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.changes import answer_changes, known_rows
from web.portal.shared.columns import columns_shown
from web.portal.shared.lists import count_of

_TEMPLATES = {"queue": "portal/review/_queue_row.html", "matches": "portal/review/_match_row.html"}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One match as the queue and the list of all matches show it."""

    match: Match
    lock: Lock
    url: str
    why: ShownReason
    proposal: Proposed | None
    mark: Mark | None = None
    """What a statement says of the match; one that has changed goes first."""

    @property
    def is_done(self) -> bool:
        """Tell whether nobody has to decide the match any more."""
        return self.match.state not in WAITING_STATES

    @property
    def token(self) -> str:
        """Return a text that differs as soon as the row looks different."""
        match = self.match
        return _token(match.version, match.locked_until, match.assignee_id, match.recording.status)


def _token(
    version: int, locked_until: datetime | None, assignee: int | None, recording: str
) -> str:
    """Return a row's token.

    A lock that ends, an assignee and the recording's status leave the version alone.
    """
    held = locked_until is not None and locked_until > datetime.now(tz=UTC)
    token = f"{version}-{'held' if held else ''}-{assignee or ''}"
    return f"{token}-{recording}" if recording == RecordingStatus.RETIRED else token


def rows_of(
    matches: Iterable[Match],
    queue: Queue,
    *,
    proposals: bool = True,
    stated: bool = False,
    filled: bool = False,
) -> list[QueueRow]:
    """Return matches as rows; the queue also shows the proposals that they wait for.

    The list of all matches shows what was ``stated``. ``filled`` says that
    ``with_segments`` has filled the matches already.
    """
    page_matches = list(matches) if filled else selectors.with_segments(matches)
    behind = selectors.proposals_behind(page_matches) if proposals else {}
    marks = marks_of_matches(page_matches) if stated else {}
    rows = []
    for match in page_matches:
        exclusion, proposal = behind.get(match.pk), None
        if exclusion is not None:
            proposal = proposed(exclusion=exclusion, match=match, queue=queue, leads=FROM_QUEUE)
        rows.append(
            QueueRow(
                match=match,
                lock=lock_of(match, queue.user),
                url=queue.url_of(match),
                why=shown_reason(match, exclusion),
                proposal=proposal,
                mark=_first(marks.get(match.uid, ())),
            )
        )
    return rows


def _first(marks: Sequence[Mark]) -> Mark | None:
    changed = (mark for mark in marks if mark.has_changed)
    return next(changed, marks[0] if marks else None)


@require_safe
@never_cache
@needs(Action.VIEW)
def queue_changes(request: PortalRequest) -> HttpResponseBase:
    """Return what changed in an open queue since it was drawn; 304 if nothing did."""
    queue = Queue.from_query(request.GET, request.user)
    return _changes(request, queue, queue.rows(), "queue", _view_counts)


def _view_counts(user: User) -> dict[str, int]:
    """Count each saved view; only a list that is open asks, as some filters are slow."""
    queues = {
        f"view-{view.uid}": Queue.from_query(QueryDict(view.query), user)
        for view in saved_views.views_for(user)
    }
    return {name: count_of(queue.rows()) for name, queue in queues.items()}


@require_safe
@never_cache
@needs(Action.VIEW)
def match_changes(request: PortalRequest) -> HttpResponseBase:
    """Return what changed in an open list of all matches; 304 if nothing did."""
    queue = Queue(user=request.user)
    rows = selectors.matches(filters=MatchFilter.from_query(request.GET))
    return _changes(request, queue, rows, "matches")


def listed_address(request: PortalRequest) -> str:
    """Return the address of the list of all matches with its filters, without a page."""
    fields = MatchFilter.from_query(request.GET).to_query()
    query = urlencode(dict(fields), doseq=True)
    return f"{reverse('portal:match_list')}?{query}"


def _changes(
    request: PortalRequest,
    queue: Queue,
    matches: QuerySet[Match],
    name: str,
    more_counts: Callable[[User], dict[str, int]] | None = None,
) -> HttpResponseBase:
    page_tokens = known_rows(request)
    columns = Match.objects.filter(uid__in=page_tokens).values_list(
        "uid", "version", "locked_until", "assignee_id", "recording__status"
    )

    def draw(uids: Sequence[str]) -> dict[str, str]:
        context = {
            "queue": queue,
            "listed": listed_address(request),
            "now": timezone.now(),
            "columns": columns_shown(request.user, name),
        }
        return {
            row.match.uid: render_to_string(_TEMPLATES[name], context | {"row": row}, request)
            for row in rows_of(selectors.list_matches(uids), queue, stated=name == "matches")
        }

    def counts() -> dict[str, int]:
        total = count_of(matches)
        is_all_waiting = name == "queue" and queue.holds_all_waiting
        tabs = tab_counts(request.user, waiting=total if is_all_waiting else None)
        extra_counts = more_counts(request.user) if more_counts else {}
        return tabs["tabs"] | extra_counts | {"total": total}

    return answer_changes(
        request,
        page_tokens=page_tokens,
        now={
            uid: _token(version, locked_until, assignee, recording)
            for uid, version, locked_until, assignee, recording in columns
        },
        draw=draw,
        counts=counts,
    )

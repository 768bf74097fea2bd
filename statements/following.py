"""Follows what statements stand on, so that lists know which say something else today.

A change notes the statements that it may concern, in its own transaction, and a job
compares them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from base.accounts.reach import working_for
from base.audit.models import Event
from base.audit.services import record
from base.common.batches import batched
from base.common.phrases import for_the_record
from base.jobs.context import JobContext
from base.jobs.services import submit
from review.models import Match
from review.services.transitions import changed_cases
from statements.jobs import CHECK_STATEMENTS
from statements.kinds import Difference, kinds
from statements.models import Statement, StatementCheck
from statements.notifications import post
from statements.selectors import concerned_by, is_followed
from statements.services import digest_of, forget_differences

_EVERYTHING: Final = {
    *("licence", "party", "rights_recording", "work", "rights_import"),
    *("bucket", "container", "dedup"),
}
"""Cases of the audit trail that can touch any statement."""
_AT_ONCE: Final = 500
COMPARED_AT_ONCE: Final = 100
_ONE_ACT: Final = timedelta(minutes=1)
_NAMED: Final = 20
"""So many differences of one statement are kept; their digest is of all."""


def note_events(events: Iterable[Event], **_signal: object) -> None:
    """Note the statements that a change may concern."""
    rows = list(events)
    cases = changed_cases(rows)
    cases.pop("statement", None)
    # Most portals have few statements, and every decision comes here.
    if not cases or not _followed().exists():
        return
    last = rows[-1].pk
    if not _EVERYTHING.isdisjoint(cases):
        _note([None], last)
        return
    with working_for(None):
        statements = concerned(cases).order_by("-pk")
        _note(list(statements.values_list("pk", flat=True)), last)


def concerned(cases: Mapping[str, Collection[str]]) -> QuerySet[Statement]:
    """Return the statements that changes of these cases may concern."""
    matches = Match.objects.filter(uid__in=cases.get("match", ()))
    # A new match stands in the sheet of its file, too.
    files = {str(uid) for (uid,) in matches.values_list("scanned_file__uid")}
    about = concerned_by({**cases, "file": files.union(cases.get("file", ()))})
    return _followed().filter(about) if about else _followed().none()


def note_subjects(kind: str, subjects: Collection[str], event: Event | None = None) -> None:
    """Note the statements of a kind about these subjects; a change may have no event."""
    rows = _followed().filter(kind=kind, subject__in=subjects)
    _note(list(rows.values_list("pk", flat=True)), event.pk if event else None)


def note_all() -> None:
    """Have all statements compared: licences and agreements end with the calendar.

    So does the comparison of some statements, whose last differences are forgotten.
    """
    for row in Statement.objects.filter(differs_since__isnull=False).exclude(is_followed()):
        forget_differences(row)
    if _followed().exists():
        _note([None], None)


def plan() -> None:
    """Submit the check if one is due, so that none is forgotten."""
    if StatementCheck.objects.exists():
        submit(CHECK_STATEMENTS, None)


def run(context: JobContext) -> None:
    """Compare the noted statements, until none is left; changes meanwhile are noted."""
    while noted := list(StatementCheck.objects.order_by("pk")[:_AT_ONCE]):
        rows = _followed()
        keys = [check.statement for check in noted if check.statement is not None]
        if len(keys) == len(noted):
            rows = rows.filter(pk__in=keys)
        causes = {check.statement: check.event for check in noted}
        for kind in kinds:
            of_kind = rows.filter(kind=kind.kind).order_by("-pk")
            for batch in batched(list(of_kind.values_list("pk", flat=True)), COMPARED_AT_ONCE):
                context.report()
                _compare(batch, causes)
        StatementCheck.objects.filter(pk__in=[check.pk for check in noted]).delete()
    context.finish()


def differences_of(statements: Sequence[Statement]) -> dict[int, Sequence[Difference]]:
    """Compare statements with today, in the words of the current language."""
    differences: dict[int, Sequence[Difference]] = {}
    with working_for(None):
        for kind in kinds:
            if rows := [row for row in statements if row.kind == kind.kind]:
                differences |= kind.differences(rows)
    return differences


def differences_for_the_record(statement: Statement) -> Sequence[Difference]:
    """Compare a statement with today, in the words that are stored."""
    with for_the_record():
        return differences_of([statement]).get(statement.pk, ())


def _compare(keys: Sequence[int], causes: dict[int | None, int | None]) -> None:
    rows = list(_followed().filter(pk__in=keys))
    with for_the_record():
        differences = differences_of(rows)
    for row in rows:
        event = causes.get(row.pk, causes.get(None))
        _store(row, differences.get(row.pk, ()), event)


@transaction.atomic
def _store(row: Statement, differences: Sequence[Difference], cause: int | None) -> None:
    """Store what a statement says otherwise; an event tells when that begins and ends."""
    sentences = [{"text": difference.text, "match": difference.match} for difference in differences]
    digest = digest_of(sentences)
    if digest == row.differs_sha256:
        return
    event = _event_behind(sentences, cause) if cause else None
    now = datetime.now(tz=UTC)
    since = row.differs_since or (event.at if event else now)
    taken = (
        _followed()
        .filter(pk=row.pk, differs_sha256=row.differs_sha256)
        .update(
            changed_at=now,
            differs_since=since if sentences else None,
            differs_in=sentences[:_NAMED],
            differs_count=len(sentences),
            differs_sha256=digest,
            differs_event=event.pk if event and sentences else None,
        )
    )
    if taken:
        new_event = record(
            case=row.case,
            action="statement.differs" if sentences else "statement.agrees",
            after={"in": sentences[:_NAMED], "count": len(sentences)},
        )
        row.refresh_from_db()
        post(row, new_event)


def _event_behind(sentences: Sequence[Mapping[str, str]], noted: int) -> Event | None:
    """Return the event after which a statement differs.

    An act on many matches is noted by its last event, which may be about a match that the
    statement does not name.
    """
    event = Event.objects.filter(pk=noted).first()
    cases = [f"match:{sentence['match']}" for sentence in sentences[:_NAMED] if sentence["match"]]
    if event is None or not event.case.startswith("match:") or event.case in cases:
        return event
    of_same_act = Event.objects.filter(
        case__in=cases,
        action=event.action,
        actor_name=event.actor_name,
        at__gte=event.at - _ONE_ACT,
        pk__lt=event.pk,
    )
    return of_same_act.order_by("-pk").first() or event


def _followed() -> QuerySet[Statement]:
    return Statement.objects.filter(is_followed())


def _note(keys: Sequence[int | None], event: int | None) -> None:
    if keys:
        StatementCheck.objects.bulk_create(
            StatementCheck(statement=key, event=event) for key in keys
        )
        submit(CHECK_STATEMENTS, None)

"""Follows what signed notices stand on, so that the list knows which hold no more.

The notice's page asks ``checks``, which takes too long for a list. A change notes the
notices that it may concern, in its own transaction, and a job checks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.db.models import Q, QuerySet

from accounts.reach import working_for
from audit.models import Event
from jobs.context import JobContext
from jobs.services import submit
from notices.checks import changes_since_signed
from notices.jobs import CHECK_NOTICES
from notices.models import STANDING_NOTICES, NoticeCheck, NoticeItem, TakedownNotice
from review.models import Match
from review.services.transitions import changed_cases

_EVERYTHING: Final = {
    *("licence", "party", "rights_recording", "work", "rights_import"),
    *("container", "dedup"),
}
"""Cases of the audit trail that can touch any notice."""
_AT_ONCE: Final = 500


def note_events(events: Iterable[Event], **_signal: object) -> None:
    """Note the notices that a change may concern."""
    cases = changed_cases(events)
    if not _EVERYTHING.isdisjoint(cases):
        note_all()
        return
    about = _concerned(cases)
    # Most portals have no notices, and every decision comes here.
    if about and _standing().exists():
        with working_for(None):
            found = _standing().filter(about).order_by("pk")
            _note(list(found.values_list("pk", flat=True).distinct()))


def note_all() -> None:
    """Have all notices checked: licences and agreements end with the calendar."""
    if _standing().exists():
        _note([None])


def plan() -> None:
    """Submit the check if one is due, so that none is forgotten."""
    if NoticeCheck.objects.exists():
        submit(CHECK_NOTICES, None)


def run(context: JobContext) -> None:
    """Check the noted notices, until none is left; what changes meanwhile is noted."""
    while noted := list(NoticeCheck.objects.order_by("pk")[:_AT_ONCE]):
        _check(noted, context)
        NoticeCheck.objects.filter(pk__in=[each.pk for each in noted]).delete()
    context.finish()


def _check(noted: Sequence[NoticeCheck], context: JobContext) -> None:
    rows = _standing()
    keys = [each.notice for each in noted if each.notice is not None]
    if len(keys) == len(noted):
        rows = rows.filter(pk__in=keys)
    for key in list(rows.order_by("pk").values_list("pk", flat=True)):
        context.report()
        notice = rows.filter(pk=key).first()
        if notice is None:
            continue
        is_lapsed = bool(changes_since_signed(notice))
        if is_lapsed != notice.is_lapsed:
            # Not if it was withdrawn meanwhile.
            rows.filter(pk=key).update(is_lapsed=is_lapsed)


def _standing() -> QuerySet[TakedownNotice]:
    return TakedownNotice.objects.filter(state__in=STANDING_NOTICES)


def _note(keys: Sequence[int | None]) -> None:
    if keys:
        NoticeCheck.objects.bulk_create(NoticeCheck(notice=key) for key in keys)
        submit(CHECK_NOTICES, None)


def _concerned(cases: Mapping[str, set[str]]) -> Q:
    """Return the condition that files, recordings, matches or notices concern a notice."""
    about = Q()
    if uids := cases.get("file"):
        about |= Q(items__match__scanned_file__uid__in=uids)
    if uids := cases.get("match"):
        # Also one that took the place of the notice's match.
        files = Match.objects.filter(uid__in=uids).values("scanned_file")
        about |= Q(items__match__scanned_file__in=files)
    if uids := cases.get("notice"):
        # Two open notices may not name one match, so each concerns the other.
        items = NoticeItem.objects.filter(notice__uid__in=uids)
        about |= Q(items__match__scanned_file__in=items.values("match__scanned_file"))
    if uids := cases.get("recording"):
        for path in ("recording", "recording__merged_into"):
            about |= Q(**{f"items__match__{path}__uid__in": uids})
    return about

"""What pages, admin and reports read about matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, Q, QuerySet

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from review import approval
from review.choices import (
    DECIDED_STATES,
    DisputeStatus,
    MatchState,
)
from review.filters import MatchFilter, in_kept_files, match_condition
from review.models import Dispute, Match
from review.models.match import Waits
from scanning.models import Detection, Segment

EARLIER_DECISIONS = 10


@dataclass(frozen=True, slots=True)
class EarlierDecision:
    """What was decided before about the same recording, here or in another file."""

    match: Match
    state: MatchState
    decided_by_name: str
    decided_at: datetime
    reason: str
    note: str


def waiting() -> QuerySet[Match]:
    """Return the matches that wait for a person."""
    return Match.objects.filter(in_kept_files(), Waits())


def matches(*, filters: MatchFilter | None = None) -> QuerySet[Match]:
    """Return the matches that fit, with what a list shows of them; newest first.

    What few rows share is read apart: to plan a join of eight tables takes PostgreSQL
    longer than to read a page.
    """
    return (
        Match.objects.filter(match_condition(filters or MatchFilter()))
        .select_related("recording", "scanned_file")
        .prefetch_related("scanned_file__container", "locked_by", "assignee")
        .order_by("-created_at", "-pk")
    )


def match_segments(match: Match) -> Sequence[Segment]:
    """Return every segment behind the match, in the order of the source."""
    return segments_for_matches([match])[match.pk]


def segments_for_matches(found: Iterable[Match]) -> Mapping[int, Sequence[Segment]]:
    """Return the segments of many matches by the match's key, with one query.

    The join finds the detection of each match's own scan and recording; conditions
    on scans and recordings apart would fetch every combination of them.
    """
    segments: dict[int, list[Segment]] = {match.pk: [] for match in found}
    rows = (
        Segment.objects.filter(
            detection__scan__matches__in=list(segments),
            detection__scan__matches__recording_id=F("detection__recording_id"),
        )
        .annotate(match_key=F("detection__scan__matches"))
        .order_by("start_ms", "pk")
    )
    for segment in rows:
        segments[segment.match_key].append(segment)
    return segments


def with_segments(found: Iterable[Match]) -> list[Match]:
    """Return the matches, each with its ``segments`` filled, with one more query."""
    listed = list(found)
    segments = segments_for_matches(listed)
    for match in listed:
        match.segments = segments[match.pk]
    return listed


def detections_of(match: Match) -> QuerySet[Detection]:
    """Return what the match's scan reported of its recording."""
    detections: QuerySet[Detection] = Detection.objects.filter(
        scan_id=match.scan_id, recording_id=match.recording_id
    )
    return detections.select_related("scan").prefetch_related("segments")


def copies_heard(match: Match) -> QuerySet[Detection]:
    """Return what was found of copies of the recording, for which the match counts."""
    sound = match.recording.same_sound_as_id or match.recording_id
    copies = Q(recording__same_sound_as=sound) | Q(recording=sound)
    return (
        Detection.objects.filter(copies, scan=match.scan_id)
        .exclude(
            recording__in=Match.objects.filter(scan=match.scan_id).values("recording")
        )
        .select_related("recording")
        .order_by("-score", "pk")
    )


def events_of(match: Match) -> QuerySet[Event]:
    """Return what happened to the match, newest first."""
    return (
        Event.objects.filter(case=match.case)
        .select_related("actor")
        .order_by("-sequence")
    )


def earlier_decisions(match: Match) -> list[EarlierDecision]:
    """Return the latest decisions on the recording: this case's own, then others'."""
    own = _decisions_of_predecessors(match)
    others = (
        Match.objects.filter(recording_id=match.recording_id, state__in=DECIDED_STATES)
        .filter(decided_at__isnull=False)
        .exclude(pk=match.pk)
        .select_related("scanned_file", "recording")
    )
    if match.scanned_file.account:
        same_account = Q(scanned_file__account=match.scanned_file.account)
        others = others.alias(same=same_account).order_by("-same", "-decided_at")
    else:
        others = others.order_by("-decided_at")
    return own + [
        EarlierDecision(
            match=other,
            state=MatchState(other.state),
            decided_by_name=other.decided_by_name,
            decided_at=other.decided_at or other.updated_at,
            reason=other.decision_reason,
            note=other.note,
        )
        for other in others[: EARLIER_DECISIONS - len(own)]
    ]


def _decisions_of_predecessors(match: Match) -> list[EarlierDecision]:
    """Return what was decided on the same file before a rescan, newest first.

    A superseded match no longer shows its state; the event that superseded it does.
    """
    predecessors = {
        earlier.case: earlier
        for earlier in Match.objects.filter(
            scanned_file_id=match.scanned_file_id,
            recording_id=match.recording_id,
            state=MatchState.SUPERSEDED,
            decided_at__isnull=False,
        )
        .select_related("scanned_file", "recording")
        .order_by("-pk")[:EARLIER_DECISIONS]
    }
    states = dict(
        Event.objects.filter(case__in=predecessors, action="superseded").values_list(
            "case", "before__state"
        )
    )
    return [
        EarlierDecision(
            match=earlier,
            state=MatchState(states.get(case, earlier.state)),
            decided_by_name=earlier.decided_by_name,
            decided_at=earlier.decided_at or earlier.updated_at,
            reason=earlier.decision_reason,
            note=earlier.note,
        )
        for case, earlier in predecessors.items()
    ]


def open_disputes(*, overdue: bool = False) -> QuerySet[Dispute]:
    """Return the disputes that wait for an answer, the most urgent first."""
    rows = Dispute.objects.filter(status=DisputeStatus.OPEN)
    if overdue:
        rows = rows.filter(due_at__lt=datetime.now(tz=UTC))
    return rows.select_related(
        "match__recording", "match__scanned_file", "recorded_by"
    ).order_by("due_at", "pk")


def open_to(user: User) -> Q:
    """Return the condition that nothing keeps the user from deciding a match."""
    held = Q(locked_until__gt=datetime.now(tz=UTC), locked_by__isnull=False) & ~Q(
        locked_by=user
    )
    states = [MatchState.PENDING, MatchState.IN_REVIEW]
    if user.has_perm(Action.APPROVE):
        states.append(MatchState.ESCALATED)
    free = Q(state__in=states) & ~held
    if approval.may_approve_own(user):
        return free
    return free & ~Q(state=MatchState.ESCALATED, decided_by=user)

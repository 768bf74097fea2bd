"""Queries on matches for pages, admin and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from catalogue.models import Exclusion
from catalogue.selectors import excluded_intervals_of
from review import approval
from review.choices import (
    DECIDED_STATES,
    DisputeStatus,
    MatchState,
    Verb,
)
from review.counting import Count, MatchTime, count_segments
from review.filters import MatchFilter, in_kept_files
from review.models import Dispute, Match
from review.models.match import Waits
from scanning.models import Detection, Segment

EARLIER_DECISIONS = 10
SHOWN_WITH_DISPUTES = (
    *("match__recording", "match__scanned_file"),
    *("recorded_by", "answered_by"),
)
"""What pages show of each dispute in a list."""


@dataclass(frozen=True, slots=True)
class EarlierDecision:
    """An earlier decision on the same recording, in this file or another."""

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
    """Return the matches that fit the filter, with the data a list shows, newest first.

    Rows that many matches share are prefetched: PostgreSQL needs longer to plan a join
    of eight tables than to read a page.
    """
    return (
        Match.objects.filter((filters or MatchFilter()).condition())
        .select_related("recording__merged_into", "scanned_file")
        .prefetch_related("scanned_file__container", "locked_by", "assignee")
        .order_by("-created_at", "-pk")
    )


def list_matches(uids: Sequence[str]) -> QuerySet[Match]:
    """Return these matches in any state, with the data a list shows."""
    return (
        Match.objects.filter(uid__in=uids)
        .select_related("recording__merged_into", "scanned_file")
        .prefetch_related("scanned_file__container", "locked_by", "assignee")
    )


def segments_for_matches(found: Iterable[Match]) -> Mapping[int, Sequence[Segment]]:
    """Return the segments of many matches by match key, with one query.

    The join pairs each match's own scan and recording; separate conditions on scans and
    recordings would fetch every combination.
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
    """Fill ``segments`` and ``tally`` of each match with two additional queries."""
    listed = list(found)
    segments = segments_for_matches(listed)
    excluded = excluded_intervals_of({match.recording_id for match in listed})
    for match in listed:
        match.segments = segments[match.pk]
        match.tally = count_segments(
            match.segments, excluded.get(match.recording_id, ())
        )
    return listed


def count_of(match: Match) -> Count:
    """Return the counted time of a match."""
    return with_segments([match])[0].tally


def time_of(match: Match) -> MatchTime:
    """Return the time of a match that ``with_segments`` filled."""
    return MatchTime(match.pk, match.is_heard, match.tally)


def proposals_behind(found: Iterable[Match]) -> Mapping[int, Exclusion]:
    """Return the proposed exclusion that each escalated match waits for, by key."""
    escalated = {
        match.case: match.pk for match in found if match.state == MatchState.ESCALATED
    }
    if not escalated:
        return {}
    escalated |= _carried_on(escalated)
    made = Event.objects.filter(action=Verb.EXCLUDE)
    # Only the last exclusion of a match can be the one it waits for.
    newest = made.filter(case=OuterRef("case")).order_by("-sequence")
    events = made.filter(
        case__in=list(escalated), sequence=Subquery(newest.values("sequence")[:1])
    )
    keys = {event.after["exclusion"]: escalated[event.case] for event in events}
    proposed = Exclusion.objects.filter(
        uid__in=list(keys), approved=False, removed_at__isnull=True
    ).select_related("created_by")
    return {keys[segment.uid]: segment for segment in proposed}


def _carried_on(escalated: Mapping[str, int]) -> dict[str, int]:
    """Return the cases of earlier scans whose escalation these matches carry on."""
    carried: dict[str, int] = {}
    latest = dict(escalated)
    # A match may have been scanned again several times.
    while latest:
        found = Event.objects.filter(case__in=latest, action="found")
        decided = set(
            Event.objects.filter(case__in=latest, after__state=MatchState.ESCALATED)
            .exclude(action__in=("found", "superseded", Verb.UNDO))
            .values_list("case", flat=True)
        )
        latest = {
            f"match:{event.after['follows']}": latest[event.case]
            for event in found
            if event.after.get("follows")
            # A policy's escalation has no person, and waits for no answer.
            and (event.after["state"], bool(event.after["decided_by"]))
            == (MatchState.ESCALATED, True)
            and event.case not in decided
        }
        carried |= latest
    return carried


def proposals_touching(
    match: Match, segments: Iterable[Segment], excluded: Iterable[Exclusion]
) -> list[Exclusion]:
    """Return the proposed exclusions that overlap the match, its own proposal first.

    ``excluded`` holds the exclusions of the recording, in force or proposed.
    """
    behind = proposals_behind([match]).get(match.pk)
    listed = list(segments)
    others = [
        proposal
        for proposal in excluded
        if not proposal.approved
        and proposal != behind
        and any(
            segment.reference_start_ms < proposal.end_ms
            and segment.reference_end_ms > proposal.start_ms
            for segment in listed
        )
    ]
    return [behind, *others] if behind else others


def detections_of(match: Match) -> QuerySet[Detection]:
    """Return the scan's detections of the match's recording."""
    detections: QuerySet[Detection] = Detection.objects.filter(
        scan_id=match.scan_id, recording_id=match.recording_id
    )
    return detections.select_related("scan").prefetch_related("segments")


def copies_heard(match: Match) -> QuerySet[Detection]:
    """Return detections of copies of the recording that the match stands for."""
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
    """Return the match's events, newest first."""
    return (
        Event.objects.filter(case=match.case)
        .select_related("actor")
        .order_by("-sequence")
    )


def earlier_decisions(match: Match) -> list[EarlierDecision]:
    """Return the latest decisions on the recording: this file's own, then others'."""
    own = _decisions_of_predecessors(match)
    others = (
        Match.objects.filter(recording_id=match.recording_id, state__in=DECIDED_STATES)
        .filter(decided_at__isnull=False)
        # The file's own decision is this match's, also after a rescan.
        .exclude(scanned_file_id=match.scanned_file_id)
        .select_related("scanned_file", "recording", "dispute__recorded_by")
    )
    # Decisions about the same account are the best precedent.
    if match.scanned_file.account:
        same_account = Q(scanned_file__account=match.scanned_file.account)
        others = others.alias(same=same_account).order_by("-same", "-decided_at")
    else:
        others = others.order_by("-decided_at")
    return own + [
        _earlier(other, MatchState(other.state))
        for other in others[: EARLIER_DECISIONS - len(own)]
    ]


def _decisions_of_predecessors(match: Match) -> list[EarlierDecision]:
    """Return decisions on the same file before a rescan, newest first.

    A superseded match has lost its state; the event that superseded it still has it.
    """
    predecessors = {
        earlier.case: earlier
        for earlier in Match.objects.filter(
            scanned_file_id=match.scanned_file_id,
            recording_id=match.recording_id,
            state=MatchState.SUPERSEDED,
            decided_at__isnull=False,
            pk__lt=match.pk,
        )
        .select_related("scanned_file", "recording", "dispute__recorded_by")
        .order_by("-pk")[:EARLIER_DECISIONS]
    }
    states = dict(
        Event.objects.filter(case__in=predecessors, action="superseded").values_list(
            "case", "before__state"
        )
    )
    return [
        _earlier(earlier, MatchState(states.get(case, earlier.state)))
        for case, earlier in predecessors.items()
    ]


def _earlier(match: Match, state: MatchState) -> EarlierDecision:
    by, at = match.brought_to(state)
    return EarlierDecision(
        match=match,
        state=state,
        decided_by_name=by,
        decided_at=at or match.updated_at,
        reason=match.decision_reason,
        note=match.note,
    )


def open_disputes(*, overdue: bool = False) -> QuerySet[Dispute]:
    """Return the disputes that wait for an answer, most urgent first."""
    rows = Dispute.objects.filter(status=DisputeStatus.OPEN)
    if overdue:
        rows = rows.filter(due_at__lt=datetime.now(tz=UTC))
    return rows.select_related(*SHOWN_WITH_DISPUTES).order_by("due_at", "pk")


def answered_disputes() -> QuerySet[Dispute]:
    """Return the disputes that were answered, newest answer first."""
    return (
        Dispute.objects.exclude(status__in=[DisputeStatus.OPEN, DisputeStatus.UNDONE])
        .select_related(*SHOWN_WITH_DISPUTES)
        .order_by("-answered_at", "-pk")
    )


def open_to(user: User) -> Q:
    """Return the condition that the user may decide a match now."""
    # An expired lock no longer counts, even before the worker clears it.
    held = Q(locked_until__gt=datetime.now(tz=UTC), locked_by__isnull=False) & ~Q(
        locked_by=user
    )
    states = [MatchState.PENDING, MatchState.IN_REVIEW]
    if user.has_perm(Action.APPROVE):
        states.append(MatchState.ESCALATED)
    free = Q(state__in=states) & ~held
    if approval.may_approve_own(user):
        return free
    return free & ~Q(state=MatchState.ESCALATED, proposed_by=user)

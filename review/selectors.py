"""Queries on matches for pages, admin and reports."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat, Substr

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.models import Event
from catalogue.models import Exclusion
from catalogue.selectors import excluded_intervals_of
from review import approval
from review.choices import DECIDED_STATES, WAITING_STATES, DisputeStatus, MatchState, Verb
from review.counting import Count, Excluded, count_segments
from review.errors import MatchJoined
from review.filters import MatchFilter, in_kept_files
from review.match_events import ASIDES, ASKED_AGAIN, BEFORE_DECISIONS, JOINED
from review.models import Dispute, Match, MatchAlias
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


def match_by_uid(matches: QuerySet[Match], uid: str) -> Match | None:
    """Return a match; None if there is none with this id.

    Raise ``MatchJoined`` for the id of a match that was joined with another one.
    """
    match = matches.filter(uid=uid).first()
    if match is None:
        alias = MatchAlias.objects.filter(uid=uid).select_related("match").first()
        if alias is not None:
            raise MatchJoined(former=uid, uid=alias.match.uid)
    return match


def of_ids(uids: Collection[str]) -> Q:
    """Return the condition of matches with these ids, today's or former ones."""
    joined = MatchAlias.objects.filter(uid__in=uids)
    return Q(uid__in=uids) | Q(pk__in=joined.values("match"))


def matches_of(uids: Collection[str]) -> dict[str, Match]:
    """Return by each id the match to which it leads today, whoever may see it."""
    aliases = MatchAlias._base_manager.filter(uid__in=uids)
    former = dict(aliases.values_list("uid", "match__uid"))
    rows = Match._base_manager.filter(uid__in={former.get(uid, uid) for uid in uids})
    related = rows.select_related("recording__merged_into", "scanned_file")
    matches = {match.uid: match for match in related}
    return {uid: matches[now] for uid in uids if (now := former.get(uid, uid)) in matches}


def _evidence_in_order(matches: Iterable[int]) -> Iterator[tuple[int, int, Segment]]:
    """Yield each segment with the key of its match and of the recording it is of."""
    rows = Segment.objects.filter(detection__matches__in=list(matches)).annotate(
        match_key=F("detection__matches"), heard=F("detection__recording")
    )
    for segment in rows.order_by("start_ms", "pk"):
        yield segment.match_key, segment.heard, segment


def with_segments(matches: Iterable[Match]) -> list[Match]:
    """Fill ``segments`` and ``tally`` of each match with two additional queries."""
    filled = list(matches)
    segments: dict[int, list[Segment]] = {match.pk: [] for match in filled}
    heard: dict[int, int] = {}
    for key, recording, segment in _evidence_in_order(segments):
        segments[key].append(segment)
        heard[segment.detection_id] = recording
    by_recording = excluded_intervals_of(set(heard.values()))
    excluded: Excluded = {
        detection: by_recording.get(recording, ()) for detection, recording in heard.items()
    }
    for match in filled:
        match.segments = segments[match.pk]
        match.tally = count_segments(match.segments, excluded)
    return filled


def count_of(match: Match) -> Count:
    """Return the counted time of a match."""
    return with_segments([match])[0].tally


def proposals_behind(matches: Iterable[Match]) -> Mapping[int, Exclusion]:
    """Return the proposed exclusion that each escalated match waits for, by key."""
    escalated = {match.case: match.pk for match in matches if match.state == MatchState.ESCALATED}
    if not escalated:
        return {}
    made = Event.objects.filter(action__in=(Verb.EXCLUDE, ASKED_AGAIN))
    # Only the last exclusion of a match can be the one it waits for, and none that
    # belongs to a question from before a scan asked again.
    newest = made.filter(case=OuterRef("case")).order_by("-sequence")
    events = made.filter(case__in=list(escalated), sequence=Subquery(newest.values("sequence")[:1]))
    keys = {
        event.after["exclusion"]: escalated[event.case]
        for event in events
        if event.action == Verb.EXCLUDE
    }
    proposed = Exclusion.objects.filter(
        uid__in=list(keys), approved=False, removed_at__isnull=True
    ).select_related("created_by")
    return {keys[segment.uid]: segment for segment in proposed}


def proposals_touching(
    match: Match, segments: Iterable[Segment], excluded: Iterable[Exclusion]
) -> list[Exclusion]:
    """Return the proposed exclusions that overlap the match, its own proposal first.

    ``excluded`` holds the exclusions of the recording, in force or proposed.
    """
    behind = proposals_behind([match]).get(match.pk)
    evidence = list(segments)
    touching = [
        proposal
        for proposal in excluded
        if not proposal.approved
        and proposal != behind
        and any(
            segment.reference_start_ms < proposal.end_ms
            and segment.reference_end_ms > proposal.start_ms
            for segment in evidence
        )
    ]
    return [behind, *touching] if behind else touching


def detections_of(match: Match) -> QuerySet[Detection]:
    """Return the detections that are the match's evidence."""
    detections: QuerySet[Detection] = match.detections.all()
    return detections.select_related("scan").prefetch_related("segments")


def evidence_of(matches: Iterable[Match]) -> dict[int, list[Detection]]:
    """Return the detections of many matches by match key, with three queries."""
    evidence: dict[int, list[Detection]] = {match.pk: [] for match in matches}
    links = Match.detections.through.objects.filter(match__in=list(evidence))
    pairs = list(links.order_by("detection").values_list("match", "detection"))
    detections = (
        Detection.objects.select_related("recording")
        .prefetch_related("segments")
        .in_bulk({detection for _match, detection in pairs})
    )
    for match, detection in pairs:
        # Access limits may hide the recording of a detection.
        if detection in detections:
            evidence[match].append(detections[detection])
    return evidence


def copies_heard(match: Match) -> QuerySet[Detection]:
    """Return detections of copies of the recording that the match stands for."""
    sound = match.recording.same_sound_as_id or match.recording_id
    copies = Q(recording__same_sound_as=sound) | Q(recording=sound)
    copies_of_sound: QuerySet[Detection] = (
        Detection.objects.filter(copies, scan=match.scan_id, matches=None, candidate_of=None)
        .select_related("recording")
        .annotate(most_bits=Max("segments__bits"))
        .order_by("-score", F("most_bits").desc(nulls_last=True), "pk")
    )
    return copies_of_sound


def cases_of_many(matches: Iterable[Match]) -> dict[str, int]:
    """Return the keys of matches by their cases in the audit trail.

    The cases of matches that were joined with them are among those.
    """
    cases = {match.case: match.pk for match in matches}
    for alias in MatchAlias.objects.filter(match__in=list(cases.values())):
        cases[alias.case] = alias.match_id
    return cases


def events_of(match: Match) -> QuerySet[Event]:
    """Return the match's events, newest first; of all matches that it was joined with."""
    former = match.aliases.values(former_case=Concat(Value("match:"), "uid"))
    return (
        Event.objects.filter(Q(case=match.case) | Q(case__in=former))
        .select_related("actor")
        .order_by("-at", "-pk")
    )


def decisions() -> QuerySet[Event]:
    """Return the events that decided matches which the viewer may see, oldest first.

    People, programs and rules decide; an undo is a decision, too.
    """
    # As a case starts: "match:m_…".
    uid = Substr(OuterRef("case"), len("match:") + 1)
    own = Match.objects.filter(in_kept_files(), uid=uid)
    joined = MatchAlias.objects.filter(uid=uid, match__scanned_file__deleted_at__isnull=True)
    return (
        Event.objects.filter(Exists(own) | Exists(joined), case__startswith="match:")
        .exclude(action__in=(*ASIDES, *BEFORE_DECISIONS))
        .order_by("at", "pk")
    )


def earlier_decisions(match: Match) -> list[EarlierDecision]:
    """Return the latest decisions on the recording: this file's own, then others'."""
    own = _decisions_asked_again(match)
    elsewhere = (
        Match.objects.filter(recording_id=match.recording_id, state__in=DECIDED_STATES)
        .filter(decided_at__isnull=False)
        .exclude(scanned_file_id=match.scanned_file_id)
        .select_related("scanned_file", "recording", "dispute__recorded_by")
    )
    # Decisions about the same account are the best precedent.
    if match.scanned_file.account:
        same_account = Q(scanned_file__account=match.scanned_file.account)
        elsewhere = elsewhere.alias(same=same_account).order_by("-same", "-decided_at")
    else:
        elsewhere = elsewhere.order_by("-decided_at")
    return own + [
        EarlierDecision(
            match=decided,
            state=MatchState(decided.state),
            decided_by_name=decided.state_by,
            decided_at=decided.state_at or decided.updated_at,
            reason=decided.decision_reason,
            note=decided.note,
        )
        for decided in elsewhere[: EARLIER_DECISIONS - len(own)]
    ]


def _decisions_asked_again(match: Match) -> list[EarlierDecision]:
    """Return the decisions that a waiting match had before a scan or a merge.

    A merge of recordings may have joined two matches that were decided differently.
    """
    if match.state not in WAITING_STATES:
        return []
    last = Event.objects.filter(case=match.case, action__in=(ASKED_AGAIN, JOINED))
    event = last.order_by("-sequence").first()
    if event is None:
        return []
    snapshots = [event.before, event.after.get("joined", {})]
    return [
        EarlierDecision(
            match=match,
            state=MatchState(snapshot["state"]),
            decided_by_name=snapshot["decided_by_name"],
            decided_at=datetime.fromisoformat(snapshot["decided_at"]),
            reason=snapshot["decision_reason"],
            note=snapshot["note"],
        )
        for snapshot in snapshots
        if snapshot.get("decided_at")
    ]


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
    held = Q(locked_until__gt=datetime.now(tz=UTC), locked_by__isnull=False) & ~Q(locked_by=user)
    states = [MatchState.PENDING, MatchState.IN_REVIEW]
    if user.has_perm(Action.APPROVE):
        states.append(MatchState.ESCALATED)
    free = Q(state__in=states) & ~held
    if approval.may_approve_own(user):
        return free
    return free & ~Q(state=MatchState.ESCALATED, proposed_by=user)

"""Gives a match the evidence of a later scan, and asks again where that differs.

The scan's result and what it means are two events: ``SCANNED`` or ``FOUND_AGAIN`` says
what the scan found and decides nothing; ``ASKED_AGAIN`` changes the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from base.audit.services import SYSTEM, record
from review import intervals, match_events, versions
from review.choices import MatchState, VersionChoice
from review.models import Match
from review.services import evaluation, following, licences, transitions
from review.services.drafts import MatchDraft
from review.services.evaluation import OPEN_STATES, Evaluation
from review.services.transitions import Change
from review.subjects import Subject
from scanning.models import Scan, Segment

_FIGURES = (
    *("relation", "score", "segment_count", "matched_ms", "excluded_ms"),
    *("first_start_ms", "last_end_ms", "rivals", "lost"),
)


def intervals_of(matches: Iterable[Match]) -> list[intervals.Interval]:
    """Return where the evidence of matches lies in their file."""
    segments = Segment.objects.filter(detection__matches__in=list(matches))
    return list(segments.values_list("start_ms", "end_ms"))


def update(
    *,
    match: Match,
    draft: MatchDraft,
    rivals: int,
    before: Sequence[intervals.Interval],
    partner: Scan | None,
) -> Match:
    """Give a locked match what a scan found, and its state if the scan changes that.

    ``before`` is where it lay in the file until now, ``partner`` the current scan of the
    file's other engine.
    """
    same = (
        match.relation == draft.measured.relation
        and intervals.overlap_share(before, draft.source_intervals)
        >= evaluation.SAME_INTERVALS_SHARE
    )
    measured = draft.measured
    checked = match.speech_checked and same
    if checked:
        measured = replace(measured, under_speech=match.under_speech)
    choice = versions.choice_of(
        recording=draft.recording, candidates=draft.candidates, former=match
    )
    subject = Subject(
        file=match.scanned_file,
        recording=draft.recording,
        scan=draft.scan,
        measured=measured,
        rivals=rivals,
        found_late=match.found_late,
        has_open_versions=choice == VersionChoice.OPEN,
        heard=lambda: draft.source_intervals,
    )
    outcome = evaluation.evaluate(subject=subject)
    change = evaluation.after_rescan(match=match, same=same, subject=subject, outcome=outcome)
    columns: dict[str, object] = {
        **asdict(measured),
        "rivals": rivals,
        "speech_checked": checked,
        "lost": False,
        "version_choice": choice,
    }
    if change is not None and _changes_reason_only(match, change):
        columns["queue_reason"] = change.queue_reason
        change = None
    match = _write(match, draft, columns, same=same, partner=partner)
    if change is not None:
        match = ask_again(match, change)
    if match.state == MatchState.CLEARED:
        # It may be used for longer now, or the file's details may have changed.
        licences.reopen_uncovered(Match.objects.filter(pk=match.pk))
    return match


def _write(
    match: Match, draft: MatchDraft, columns: dict[str, object], *, same: bool, partner: Scan | None
) -> Match:
    figures, scan = _figures_of(match), match.scan
    alternatives = {"candidates": versions.uids(match.candidates.all())}
    former, reason = match.recording, match.queue_reason
    stays_noted = partner is not None and match.second_scan_id == partner.pk
    Match.objects.filter(pk=match.pk).update(
        scan=draft.scan,
        recording=draft.recording,
        second_scan=partner if stays_noted else None,
        version=match.version + 1,
        updated_at=datetime.now(tz=UTC),
        **columns,
    )
    match.refresh_from_db()
    match.detections.set(draft.detections)
    match.candidates.set(draft.candidates)
    now = {"candidates": versions.uids(draft.candidates)}
    record(
        case=match.case,
        action=match_events.FOUND_AGAIN if figures["lost"] else match_events.SCANNED,
        before={"scan": scan.uid, "queue_reason": reason, **figures, **alternatives},
        after={
            "scan": draft.scan.uid,
            "queue_reason": match.queue_reason,
            "same": same and now == alternatives,
            "version": match.version,
            **_figures_of(match),
            **now,
        },
    )
    if former != draft.recording:
        following.rename(match=match, former=former)
    return match


def _changes_reason_only(match: Match, outcome: Evaluation) -> bool:
    """Return whether a waiting match goes on waiting, for the same policy or for none."""
    return (
        match.state in OPEN_STATES
        and outcome.state == MatchState.PENDING
        and outcome.policy_name == match.policy_name
    )


def ask_again(match: Match, outcome: Evaluation) -> Match:
    """Let a match wait, or be what rules say of it now, instead of what it was."""
    current = transitions.locked_row(match=match)
    fields = {**evaluation.UNTREATED, **transitions.UNDECIDED, **outcome.fields()}
    state = MatchState(str(fields.pop("state")))
    if current.state in OPEN_STATES and state == MatchState.PENDING:
        if outcome.policy is None:
            # Only another policy changes a deadline.
            fields["due_at"] = current.due_at
        if current.state == MatchState.IN_REVIEW:
            state = MatchState.IN_REVIEW
            fields |= transitions.lock_of(current)
    change = Change(match_events.ASKED_AGAIN, state, fields=fields, free=True)
    return transitions.apply(current=current, change=change, actor=SYSTEM)


def _figures_of(match: Match) -> dict[str, object]:
    figures = {name: getattr(match, name) for name in _FIGURES}
    return {**figures, "score": None if match.score is None else str(match.score)}

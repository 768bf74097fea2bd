"""Excludes intervals of recordings, with the effects on existing matches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import count_hidden, is_limited, why_unseen, working_for
from base.accounts.roles import Action
from base.audit.models import Event
from catalogue.models import Exclusion, ExclusionReason, Recording
from catalogue.selectors import excluded_intervals, excluded_intervals_of
from review import approval, errors, figures, match_events, selectors
from review.choices import (
    MORE_COUNTS,
    STATED_REASON,
    WAITING_STATES,
    MatchState,
    ProposalVerb,
    QueueReason,
    Verb,
)
from review.figures import Figures
from review.intervals import Interval
from review.models import Match
from review.services import applications, evaluation, grounds, locks, transitions
from review.services.transitions import Change
from review.services.treatments import treat
from review.subjects import Subject
from review.timeline.figures import refresh as refresh_figures

TICKABLE = (MatchState.CONFIRMED, MatchState.CLEARED)
MAX_NOTE_CHARS = 1_000
ADDED = "exclusion.added"
"""The event of a recording that puts an exclusion in force."""
_EXCLUDED = "excluded"
# Events through which an exclusion moves matches other than the one it came from.
_MOVES = (_EXCLUDED, *ProposalVerb)
_MAY_NOT = _("Only a manager may exclude intervals of recordings.")


class Effect(StrEnum):
    """What new figures do to a match."""

    SUPPRESSES = "suppresses"
    OFFERED = "offered"
    """A manager may suppress it too."""
    RETURNS = "returns"
    REOPENS = "reopens"
    EVALUATES = "evaluates"
    STAYS = "stays"
    """Only the counted time changes."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A match whose counted time an exclusion changes, to ``left_ms``."""

    match: Match
    effect: Effect
    left_ms: int

    @property
    def wholly(self) -> bool:
        """Return whether nothing is left."""
        return not self.left_ms


@dataclass(frozen=True, slots=True)
class ExclusionPreview:
    """The effect of an exclusion on the matches of its recording."""

    touched: list[Touched]

    def without(self, match: Match) -> ExclusionPreview:
        """Return the preview without one match."""
        return ExclusionPreview([touched for touched in self.touched if touched.match != match])

    @property
    def by_state(self) -> dict[str, int]:
        """Return the number of affected matches by state."""
        return dict(Counter(touched.match.state for touched in self.touched))

    @property
    def suppressed(self) -> list[Touched]:
        """Return the waiting matches that lose everything and will be suppressed."""
        return [touched for touched in self.touched if touched.effect == Effect.SUPPRESSES]

    @property
    def offered(self) -> list[Touched]:
        """Return the decided matches that a manager may choose to suppress too."""
        return [touched for touched in self.touched if touched.effect == Effect.OFFERED]


def preview(*, recording: Recording, start_ms: int, end_ms: int) -> ExclusionPreview:
    """Return which matches an exclusion of this interval would affect, and how."""
    return preview_all(recording=recording, intervals=[(start_ms, end_ms)])


def preview_all(*, recording: Recording, intervals: Sequence[Interval]) -> ExclusionPreview:
    """Return which matches these exclusions together would affect, and how."""
    excluded = {recording.pk: [*excluded_intervals(recording), *intervals]}
    touched = []
    for match in _live(recording):
        then = _worked_out(match, excluded)
        if _differs(match, then):
            touched.append(Touched(match, _effect(match, then), then.matched_ms))
    return ExclusionPreview(touched)


def leaves_nothing(*, match: Match, interval: Interval) -> bool:
    """Return whether excluding the interval leaves nothing of the match."""
    after = [*excluded_intervals(match.recording), interval]
    return _worked_out(match, {match.recording_id: after}).wholly_excluded


def refuse_merged(match: Match) -> None:
    """Raise if a scan heard only recordings that were merged since.

    Their exclusions count in the match, not those of the recording that stays.
    """
    heard = {detection.recording for detection in selectors.detections_of(match)}
    if heard and all(recording.merged_into_id for recording in heard):
        raise errors.NotPossible(
            gettext(
                "A scan heard %(other)s here, which was merged since. Rescan the file, then "
                "exclude the interval."
            )
            % {"other": ", ".join(sorted(recording.full_title for recording in heard))}
        )


@transaction.atomic
def exclude(
    *,
    recording: Recording,
    interval: Interval,
    reason: str,
    user: User,
    note: str = "",
    chosen: Collection[str] = (),
) -> Exclusion:
    """Exclude an interval and evaluate the recording's matches again.

    Waiting matches of which nothing is left are suppressed, and those decided matches
    whose uids are in ``chosen``.
    """
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    segment = _write_exclusion(recording, interval, reason, user, note, approved=True)
    _record(segment, ADDED, user)
    _judge(segment, user, chosen)
    return segment


@transaction.atomic
def propose(
    *, recording: Recording, interval: Interval, reason: str, user: User, note: str = ""
) -> Exclusion:
    """Ask a manager to exclude an interval; nothing else changes yet."""
    transitions.require(
        user,
        Action.DECIDE,
        why=gettext("Your role may view recordings but not propose exclusions."),
    )
    segment = _write_exclusion(recording, interval, reason, user, note, approved=False)
    _record(segment, "exclusion.proposed", user)
    return segment


@transaction.atomic
def approve(*, segment: Exclusion, user: User, chosen: Collection[str] = ()) -> Exclusion:
    """Approve an exclusion that another person proposed.

    Raises ``NotAllowed`` if it changes matches that the user may not see.
    """
    refuse_answer(segment=segment, user=user)
    if is_limited(user):
        with working_for(None):
            effects = preview(
                recording=segment.recording, start_ms=segment.start_ms, end_ms=segment.end_ms
            )
        touched = [affected.match.pk for affected in effects.touched]
        if why := why_unseen(count_hidden(user, Match.objects.filter(pk__in=touched))):
            raise errors.NotAllowed(why)
    return put_in_force(segment=segment, user=user, chosen=chosen)


def refuse_answer(*, segment: Exclusion, user: User) -> None:
    """Raise ``NotAllowed`` if the user may not answer the proposal."""
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    if why := approval.why_no_second_person(user):
        raise errors.NotAllowed(why)
    if segment.created_by_id == user.pk and not approval.may_approve_own(user):
        raise errors.NotAllowed(
            gettext("You proposed this exclusion, so another manager must decide.")
        )


@transaction.atomic
def put_in_force(*, segment: Exclusion, user: User, chosen: Collection[str] = ()) -> Exclusion:
    """Make an exclusion effective, as ``exclude`` does; the caller checks the role."""
    segment = _lock_exclusion(segment)
    if segment.approved:
        raise errors.NotPossible(gettext("This interval is already excluded."))
    segment.approved = True
    segment.save(update_fields=["approved"])
    _record(segment, ADDED, user)
    _judge(segment, user, chosen)
    return segment


def approvals(recording: Recording) -> dict[str, Event]:
    """Return the last event that put each exclusion of a recording in force, by uid."""
    events = Event.objects.filter(case=f"recording:{recording.uid}", action=ADDED)
    return {
        event.after["exclusion"]: event
        for event in events.order_by("sequence")
        if "exclusion" in event.after
    }


@transaction.atomic
def refuse(*, segment: Exclusion, user: User, note: str) -> Exclusion:
    """Refuse a proposed exclusion; the note says why."""
    refuse_answer(segment=segment, user=user)
    if not note.strip():
        raise errors.ReasonMissing(gettext("Say why the exclusion is refused."))
    segment = _lock_exclusion(segment)
    if segment.approved:
        raise errors.NotPossible(gettext("This exclusion is already in force. Remove it instead."))
    segment.removed_at = timezone.now()
    segment.save(update_fields=["removed_at"])
    _record(segment, "exclusion.refused", user, note=note.strip())
    return segment


@transaction.atomic
def undo_approval(*, segment: Exclusion, user: User) -> None:
    """Turn an approved exclusion back into a proposal and undo its effects."""
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    segment = _lock_exclusion(segment)
    if not segment.approved:
        raise _undone_already()
    segment.approved = False
    segment.save(update_fields=["approved"])
    _record(segment, "exclusion.approval_undone", user)
    restored = _restore_all(segment, user)
    _judge(segment, user, ())
    grounds.again(matches=restored, actor=user)


@transaction.atomic
def undo_refusal(*, segment: Exclusion, user: User) -> None:
    """Reopen a refused proposal and the matches that waited for it."""
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    segment = Exclusion.objects.select_for_update().get(pk=segment.pk)
    if segment.removed_at is None:
        raise _undone_already()
    segment.removed_at = None
    segment.save(update_fields=["removed_at"])
    _record(segment, "exclusion.refusal_undone", user)
    grounds.again(matches=_restore_all(segment, user), actor=user)


@transaction.atomic
def remove(*, segment: Exclusion, user: User, reason: str) -> int:
    """Remove an exclusion; return how many suppressed matches wait again."""
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    if not reason.strip():
        raise errors.ReasonMissing(gettext("Say why the exclusion is removed."))
    segment = _lock_exclusion(segment)
    segment.removed_at = timezone.now()
    segment.save(update_fields=["removed_at"])
    _record(segment, "exclusion.removed", user, note=reason.strip())
    return _judge(segment, user, ())


@transaction.atomic
def take_back(*, segment: Exclusion, user: User) -> None:
    """Undo an exclusion or a proposal, with its effects on matches.

    Suppressed matches return to their earlier state, decided or not, unless something
    else has happened to them since. The caller checks the role.
    """
    segment = _lock_exclusion(segment)
    segment.removed_at = timezone.now()
    segment.save(update_fields=["removed_at"])
    _record(segment, "exclusion.undone", user)
    restored = _restore_all(segment, user)
    _judge(segment, user, ())
    grounds.again(matches=restored, actor=user)


def _write_exclusion(
    recording: Recording, interval: Interval, reason: str, user: User, note: str, *, approved: bool
) -> Exclusion:
    start_ms, end_ms = interval
    length = recording.duration_ms
    if start_ms < 0 or end_ms <= start_ms or (length and end_ms > length):
        raise errors.NotPossible(gettext("The interval must lie inside the recording."))
    if reason not in ExclusionReason.values:
        raise errors.ReasonMissing(gettext("Choose why the interval is excluded."))
    if len(note) > MAX_NOTE_CHARS:
        raise errors.NoteTooLong(
            gettext("The note has %(n)s characters; at most %(limit)s are allowed. Shorten it.")
            % {"n": len(note), "limit": MAX_NOTE_CHARS}
        )
    return Exclusion.objects.create(
        recording=recording,
        start_ms=start_ms,
        end_ms=end_ms,
        reason=reason,
        note=note.strip(),
        approved=approved,
        created_by=user,
    )


def _lock_exclusion(segment: Exclusion) -> Exclusion:
    current = (
        Exclusion.objects.select_for_update(of=("self",))
        .select_related("recording")
        .get(pk=segment.pk)
    )
    if current.removed_at is not None:
        raise errors.NotPossible(
            gettext("Somebody has removed this exclusion. Reload to see the others.")
        )
    return current


def _undone_already() -> errors.NotPossible:
    return errors.NotPossible(gettext("Somebody has undone this already."))


def counted_by(recording: Recording) -> Q:
    """Return the condition on matches whose seconds the recording's exclusions may change.

    A match that found it before a merge names the recording that stays.
    """
    heard = Match._base_manager.filter(detections__recording=recording)
    return Q(recording=recording) | Q(pk__in=heard.values("pk"))


def _live(recording: Recording) -> list[Match]:
    rows = Match.objects.filter(counted_by(recording))
    related = rows.select_related("recording", "scanned_file__container", "scan")
    return list(related.order_by("pk"))


def _worked_out(match: Match, excluded: Mapping[int, Sequence[Interval]]) -> Figures:
    """Return the figures with these exclusions of one of the recordings that were heard."""
    detections = list(selectors.detections_of(match))
    versions = {detection.recording_id for detection in detections} - set(excluded)
    segments = [segment for detection in detections for segment in detection.segments.all()]
    return figures.work_out(
        detections=detections,
        segments=sorted(segments, key=lambda segment: (segment.start_ms, segment.pk)),
        source_ms=match.scanned_file.length_ms,
        reference_ms=match.recording.duration_ms,
        excluded={**excluded_intervals_of(versions), **excluded},
    )


# The matches of an exclusion change whether its person may see them or not.
@working_for(None)
def _judge(segment: Exclusion, user: User, chosen: Collection[str]) -> int:
    """Recompute all matches of the recording; return how many wait again."""
    excluded = {segment.recording_id: excluded_intervals(segment.recording)}
    returned = 0
    evaluated = []
    files = set()
    for match in _live(segment.recording):
        recomputed = _worked_out(match, excluded)
        # Matches whose figures stay the same need no event and no evaluation.
        if not _differs(match, recomputed):
            continue
        effect = _effect(match, recomputed)
        _count(match, recomputed, user)
        files.add(match.scanned_file_id)
        match.refresh_from_db()
        match effect:
            case Effect.SUPPRESSES | Effect.OFFERED:
                _suppress(match, segment, user, is_chosen=match.uid in chosen)
            case Effect.RETURNS:
                outcome = evaluation.evaluate(subject=Subject.of(match))
                returned += treat(match=match, outcome=outcome, user=user)
            case Effect.REOPENS:
                _reopen(match, segment, user)
                returned += 1
            case Effect.EVALUATES | Effect.STAYS:
                # Licences and policies read how long the recording is used.
                evaluated.append(match)
    refresh_figures(files)
    grounds.again(matches=evaluated, actor=user)
    return returned


def _differs(match: Match, recomputed: Figures) -> bool:
    """Return whether the match stores other counted time than the figures have."""
    return (match.matched_ms, match.excluded_ms, match.wholly_excluded) != (
        recomputed.matched_ms,
        recomputed.excluded_ms,
        recomputed.wholly_excluded,
    )


def _effect(match: Match, recomputed: Figures) -> Effect:
    """Return what new figures do to a match; previews and changes both ask here."""
    state = MatchState(match.state)
    if recomputed.wholly_excluded:
        if state in WAITING_STATES:
            return Effect.SUPPRESSES
        return Effect.OFFERED if state in TICKABLE else Effect.STAYS
    if state == MatchState.SUPPRESSED:
        by_exclusion = match.queue_reason == QueueReason.EXCLUDED
        returns = match.wholly_excluded and by_exclusion
        return Effect.RETURNS if returns else Effect.STAYS
    if _counts_more_than_decided(match, recomputed):
        return Effect.REOPENS
    is_open = state in WAITING_STATES or evaluation.is_of_a_policy_alone(match)
    return Effect.EVALUATES if is_open else Effect.STAYS


def _counts_more_than_decided(match: Match, recomputed: Figures) -> bool:
    """Return whether somebody decided about less than counts now.

    A claim may shrink by itself, but never grows without a decision. Where an exclusion
    was made after the decision, its end only gives back what was decided.
    """
    if match.state == MatchState.REJECTED:
        return match.wholly_excluded and _was_rejected_by_exclusion(match)
    is_chosen = match.is_decided_alone and (
        match.state == MatchState.CONFIRMED
        or (match.state == MatchState.CLEARED and match.decision_reason == STATED_REASON)
    )
    return is_chosen and recomputed.matched_ms > _decided_ms(match)


def _was_rejected_by_exclusion(match: Match) -> bool:
    """Return whether the match was rejected because an exclusion left nothing."""
    event = transitions.last_event(match)
    return (
        event is not None
        and event.action in (Verb.EXCLUDE, ProposalVerb.APPROVE)
        and "exclusion" in event.after
    )


def _decided_ms(match: Match) -> int:
    """Return how much of the match counted when it was decided."""
    counted = Event.objects.filter(
        case=match.case, action=match_events.COUNTED, at__gte=match.decided_at
    )
    since = counted.order_by("sequence").first()
    return match.matched_ms if since is None else int(since.before["matched_ms"])


def _reopen(match: Match, segment: Exclusion, user: User) -> None:
    """Return a decided match to the queue, because more of it counts now."""
    change = Change(
        action=MORE_COUNTS,
        to=MatchState.PENDING,
        fields={**transitions.UNDECIDED, "queue_reason": QueueReason.REOPENED, "licence_id": None},
        reason=QueueReason.EXCLUDED,
        details={"exclusion": segment.uid},
    )
    current = transitions.locked_row(match=match)
    transitions.apply(current=current, change=change, actor=user)


def _count(match: Match, recomputed: Figures, user: User) -> None:
    """Write the match's new figures."""
    figured = asdict(recomputed)
    names = (
        "matched_ms",
        "longest_ms",
        "source_coverage_pct",
        "reference_coverage_pct",
        "relation",
        "excluded_ms",
        "wholly_excluded",
    )
    counted = {name: figured[name] for name in names}
    before = {"matched_ms": match.matched_ms, "excluded_ms": match.excluded_ms}
    after = {"matched_ms": recomputed.matched_ms, "excluded_ms": recomputed.excluded_ms}
    # The figures changed, so pages that show the old ones are stale.
    current = transitions.locked_row(match=match)
    Match.objects.filter(pk=match.pk).update(**counted, version=current.version + 1)
    base.audit.services.record(
        case=match.case, action=match_events.COUNTED, actor=user, before=before, after=after
    )


def _suppress(match: Match, segment: Exclusion, user: User, *, is_chosen: bool) -> None:
    """Suppress a match with nothing left, if it waits or was chosen."""
    if match.state not in WAITING_STATES and not (is_chosen and match.state in TICKABLE):
        return
    # Only a chosen, decided match records who suppressed it.
    ticked = match.state in TICKABLE
    decided = transitions.decided_by(user, at=datetime.now(tz=UTC))
    change = Change(
        action=_EXCLUDED,
        to=MatchState.SUPPRESSED,
        fields={
            "queue_reason": QueueReason.EXCLUDED,
            "proposed": "",
            "proposed_by_id": None,
            **transitions.UNDECIDED,
            **(decided if ticked else {}),
            "licence_id": None,
        },
        reason=QueueReason.EXCLUDED,
        details={"exclusion": segment.uid},
    )
    current = transitions.locked_row(match=match)
    if current.state == MatchState.IN_REVIEW:
        current = locks.let_go(current, match_events.LOCK_ENDED, user)
    transitions.apply(current=current, change=change, actor=user)


@working_for(None)
def _restore_all(segment: Exclusion, user: User) -> list[Match]:
    """Restore the matches whose last change came from this exclusion; return them."""
    moved = [
        match
        for match in _live(segment.recording)
        if match.state in (MatchState.SUPPRESSED, MatchState.PENDING)
    ]
    # What another exclusion moved stays.
    formers = applications.formers(
        event
        for event in transitions.last_events(moved).values()
        if event.action in _MOVES and event.after.get("exclusion") == segment.uid
    )
    back = []
    for match in moved:
        fields = formers.get(match.case)
        if fields is None:
            continue
        state = MatchState(str(fields.pop("state")))
        change = Change(Verb.UNDO, state, fields=fields, free=True)
        back.append(
            transitions.apply(
                current=transitions.locked_row(match=match), change=change, actor=user
            )
        )
    return back


def _record(segment: Exclusion, action: str, user: User, *, note: str = "") -> None:
    base.audit.services.record(
        case=f"recording:{segment.recording.uid}",
        action=action,
        actor=user,
        after={
            "exclusion": segment.uid,
            "start_ms": segment.start_ms,
            "end_ms": segment.end_ms,
            "approved": segment.approved,
        },
        reason=segment.reason,
        note=note or segment.note,
    )

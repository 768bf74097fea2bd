"""Excluding stretches of recordings, and what that does to matches that are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

import audit.services
from accounts.models import User
from accounts.roles import Action
from catalogue.models import ExcludedSegment, ExclusionReason, Recording
from catalogue.selectors import excluded_spans
from review import errors, selectors
from review.choices import MatchState, QueueReason, Verb
from review.models import Match
from review.services import evaluation, figures, snapshots, spans, transitions
from review.services.figures import Figures
from review.services.transitions import Change
from review.services.treatments import treat
from review.subjects import Subject

WAITING = (MatchState.PENDING, MatchState.ESCALATED)
TICKABLE = (MatchState.CONFIRMED, MatchState.CLEARED)
MAX_NOTE_CHARS = 1_000
_MAY_NOT = "Only a manager may exclude stretches of recordings."


@dataclass(frozen=True, slots=True)
class Touched:
    """A match that loses time; ``wholly`` where nothing of it is left."""

    match: Match
    wholly: bool
    left_ms: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What excluding a stretch would do to the matches of its recording."""

    touched: list[Touched]

    @property
    def by_state(self) -> dict[str, int]:
        """Return how many matches are touched, by state."""
        return dict(Counter(each.match.state for each in self.touched))

    @property
    def suppressed(self) -> list[Touched]:
        """Return the waiting ones of which nothing is left: they are suppressed."""
        return [each for each in self.touched if _waits_wholly(each)]

    @property
    def offered(self) -> list[Touched]:
        """Return the decided ones that a manager may tick to be suppressed too."""
        return [
            each
            for each in self.touched
            if each.wholly and each.match.state in TICKABLE
        ]


def _waits_wholly(each: Touched) -> bool:
    return each.wholly and each.match.state in WAITING


def preview(*, recording: Recording, start_ms: int, end_ms: int) -> Preview:
    """Return which matches the exclusion of this stretch touches, and how."""
    before = excluded_spans(recording)
    after = [*before, (start_ms, end_ms)]
    touched = []
    for match in _live(recording):
        now, then = _worked_out(match, before), _worked_out(match, after)
        if (now.matched_ms, now.wholly_excluded) != (
            then.matched_ms,
            then.wholly_excluded,
        ):
            left = 0 if then.wholly_excluded else then.matched_ms
            touched.append(Touched(match, then.wholly_excluded, left))
    return Preview(touched)


def leaves_nothing(*, match: Match, span: spans.Span) -> bool:
    """Tell whether nothing of the match is left once the stretch is excluded too."""
    after = [*excluded_spans(match.recording), span]
    return _worked_out(match, after).wholly_excluded


@transaction.atomic
def exclude(
    *,
    recording: Recording,
    span: spans.Span,
    reason: str,
    user: User,
    note: str = "",
    chosen: Collection[str] = (),
) -> ExcludedSegment:
    """Exclude a stretch and judge the matches of the recording anew.

    Waiting matches of which nothing is left are suppressed; of decided ones only
    those named in ``chosen``, by uid.
    """
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    segment = _written(recording, span, reason, user, note, approved=True)
    _tell(segment, "exclusion.added", user)
    _judge(segment, user, chosen)
    return segment


@transaction.atomic
def propose(
    *, recording: Recording, span: spans.Span, reason: str, user: User, note: str = ""
) -> ExcludedSegment:
    """Ask a manager to exclude a stretch; until then nothing changes."""
    transitions.require(
        user, Action.DECIDE, why="Your role may look at recordings, not propose."
    )
    segment = _written(recording, span, reason, user, note, approved=False)
    _tell(segment, "exclusion.proposed", user)
    return segment


@transaction.atomic
def approve(
    *, segment: ExcludedSegment, user: User, chosen: Collection[str] = ()
) -> ExcludedSegment:
    """Put a proposed exclusion in force."""
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    segment = _locked(segment)
    if segment.approved:
        raise errors.NotPossible("The stretch is excluded already.")
    segment.approved = True
    segment.save(update_fields=["approved"])
    _tell(segment, "exclusion.added", user)
    _judge(segment, user, chosen)
    return segment


@transaction.atomic
def remove(*, segment: ExcludedSegment, user: User, reason: str) -> int:
    """Take an exclusion away; return how many suppressed matches wait again."""
    transitions.require(user, Action.EDIT_CATALOGUE, why=_MAY_NOT)
    if not reason.strip():
        raise errors.ReasonMissing("Say why the stretch counts again.")
    segment = _locked(segment)
    segment.removed_at = timezone.now()
    segment.save(update_fields=["removed_at"])
    _tell(segment, "exclusion.removed", user, note=reason.strip())
    return _judge(segment, user, ())


@transaction.atomic
def take_back(*, segment: ExcludedSegment, user: User) -> None:
    """Undo an exclusion, or a proposal of one, with all that it did to matches.

    What it suppressed becomes what it was before, decided or not, unless something
    else has happened to it since. Who may is the caller's to check.
    """
    segment = _locked(segment)
    segment.removed_at = timezone.now()
    segment.save(update_fields=["removed_at"])
    _tell(segment, "exclusion.undone", user)
    for match in _live(segment.recording):
        if _is_suppressed_by_exclusion(match):
            _restore(match, segment, user)
    _judge(segment, user, ())


def _written(
    recording: Recording,
    span: spans.Span,
    reason: str,
    user: User,
    note: str,
    *,
    approved: bool,
) -> ExcludedSegment:
    start_ms, end_ms = span
    length = recording.duration_ms
    if start_ms < 0 or end_ms <= start_ms or (length and end_ms > length):
        raise errors.NotPossible("The stretch must lie inside the recording.")
    if reason not in ExclusionReason.values:
        raise errors.ReasonMissing("Choose why the stretch is excluded.")
    if len(note) > MAX_NOTE_CHARS:
        raise errors.NoteTooLong(
            f"The note has {len(note)} characters; {MAX_NOTE_CHARS} are kept."
        )
    return ExcludedSegment.objects.create(
        recording=recording,
        start_ms=start_ms,
        end_ms=end_ms,
        reason=reason,
        note=note.strip(),
        approved=approved,
        created_by=user,
    )


def _locked(segment: ExcludedSegment) -> ExcludedSegment:
    current = (
        ExcludedSegment.objects.select_for_update(of=("self",))
        .select_related("recording")
        .get(pk=segment.pk)
    )
    if current.removed_at is not None:
        raise errors.NotPossible("The exclusion was taken away meanwhile.")
    return current


def _live(recording: Recording) -> list[Match]:
    rows = Match.objects.filter(recording=recording).exclude(
        state=MatchState.SUPERSEDED
    )
    return list(
        rows.select_related("recording", "scanned_file__container", "scan").order_by(
            "pk"
        )
    )


def _worked_out(match: Match, excluded: list[spans.Span]) -> Figures:
    detections = list(selectors.detections_of(match))
    return figures.work_out(
        detections=detections,
        segments=sorted(
            (segment for each in detections for segment in each.segments.all()),
            key=lambda segment: (segment.start_ms, segment.pk),
        ),
        source_ms=match.scanned_file.duration_ms,
        reference_ms=match.recording.duration_ms,
        excluded=excluded,
    )


def _judge(segment: ExcludedSegment, user: User, chosen: Collection[str]) -> int:
    """Count all matches of the recording anew; return how many wait again."""
    excluded = excluded_spans(segment.recording)
    returned = 0
    for match in _live(segment.recording):
        found = _worked_out(match, excluded)
        was_excluded = match.wholly_excluded
        if not _counted(match, found, user):
            continue
        match.refresh_from_db()
        if found.wholly_excluded:
            _suppress(match, segment, user, is_chosen=match.uid in chosen)
        elif was_excluded and _is_suppressed_by_exclusion(match):
            outcome = evaluation.evaluate(subject=Subject.of(match))
            returned += treat(match=match, outcome=outcome, user=user)
    return returned


def _is_suppressed_by_exclusion(match: Match) -> bool:
    return (
        match.state == MatchState.SUPPRESSED
        and match.queue_reason == QueueReason.EXCLUDED
    )


def _counted(match: Match, found: Figures, user: User) -> bool:
    """Write the figures of a match as they are now; tell whether they changed."""
    figured = asdict(found)
    names = (
        *("matched_ms", "longest_ms", "source_coverage_pct", "reference_coverage_pct"),
        *("excluded_ms", "wholly_excluded"),
    )
    counted = {name: figured[name] for name in names}
    before = {"matched_ms": match.matched_ms, "excluded_ms": match.excluded_ms}
    after = {"matched_ms": found.matched_ms, "excluded_ms": found.excluded_ms}
    if before == after and match.wholly_excluded == found.wholly_excluded:
        return False
    current = transitions.locked_row(match=match)
    Match.objects.filter(pk=match.pk).update(**counted, version=current.version + 1)
    audit.services.record(
        case=match.case,
        action=transitions.COUNTED,
        actor=user,
        before=before,
        after=after,
    )
    return True


def _suppress(
    match: Match, segment: ExcludedSegment, user: User, *, is_chosen: bool
) -> None:
    """Suppress a match of which nothing is left, if it waits or was ticked."""
    if match.state not in WAITING and not (is_chosen and match.state in TICKABLE):
        return
    change = Change(
        action="excluded",
        to=MatchState.SUPPRESSED,
        fields={"queue_reason": QueueReason.EXCLUDED, "proposed": ""},
        reason=QueueReason.EXCLUDED,
        told={"exclusion": segment.uid},
    )
    current = transitions.locked_row(match=match)
    transitions.apply(current=current, change=change, actor=user)


def _restore(match: Match, segment: ExcludedSegment, user: User) -> None:
    """Put a match back that this exclusion alone suppressed."""
    event = transitions.last_event(match)
    if event is None or event.after.get("exclusion") != segment.uid:
        return
    fields = snapshots.as_fields(snapshots.from_event(event.before))
    state = MatchState(str(fields.pop("state")))
    change = Change(Verb.UNDO, state, fields=fields, free=True)
    transitions.apply(
        current=transitions.locked_row(match=match), change=change, actor=user
    )


def _tell(segment: ExcludedSegment, action: str, user: User, *, note: str = "") -> None:
    audit.services.record(
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

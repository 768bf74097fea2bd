"""Says which of several versions a match names: for one match, or for a pair everywhere.

Rules suppress such a match, but never confirm or clear it before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import refuse_limited, working_for
from base.accounts.roles import Action
from base.audit.models import Event
from base.audit.services import SYSTEM, EventDraft, record, record_all
from catalogue.models import Recording
from catalogue.selectors import excluded_intervals_of
from review import errors, figures, match_events, versions
from review.choices import WAITING_STATES, MatchState, QueueReason, Verb, VersionChoice
from review.models import Match, VersionAnswer
from review.services import evaluation, following, grounds, transitions
from review.services.following import Move
from review.services.rescans import ask_again
from review.services.transitions import Change
from review.subjects import Subject
from review.timeline.figures import refresh as refresh_figures
from scanning.models import Detection

_AT_ONCE = 500
_RELATED = ("recording", "scanned_file__container", "scan")


@working_for(None)
def choose(current: Match, recording: Recording, user: User) -> Match:
    """Let a locked match name one of its versions; the others stay candidates.

    The caller checks the role; choosing the version that it names already keeps it.
    """
    _refuse(current, user)
    change = Change(
        Verb.CHOOSE,
        MatchState(current.state),
        fields=_naming(current, recording)
        | {"version_choice": VersionChoice.CHOSEN}
        | transitions.lock_of(current),
        details={"recording": recording.uid, "former": current.recording.uid},
        free=True,
    )
    return _apply(current, change, recording, user)


@working_for(None)
def undo(current: Match, event: Event, change: Change, user: User) -> Match:
    """Let a match name what it named before a choice, if a scan still finds that."""
    former = Recording.objects.get(uid=event.after["former"])
    fields = _naming(current, former) | change.fields | transitions.lock_of(current)
    fields["version_choice"] = event.before["version_choice"]
    change = replace(change, to=MatchState(current.state), fields=fields)
    return _apply(current, change, former, user)


def _refuse(match: Match, user: User) -> None:
    transitions.refuse_foreign_lock(match=match, user=user)
    if match.state not in WAITING_STATES:
        raise errors.NotPossible(
            _("Only a waiting match can name another version. Reopen or undo it first.")
        )
    if match.state != MatchState.ESCALATED:
        return
    transitions.require(user, Action.APPROVE, why=_("This match was escalated; a manager decides."))
    if match.proposed:
        # The first of two people has confirmed this very version.
        raise errors.NotPossible(
            _(
                "The confirmation of this version needs a second person. "
                "Reopen the match to choose another one."
            )
        )


def _naming(match: Match, recording: Recording) -> dict[str, object]:
    """Return the columns of a match that names a version; raise if it may not."""
    if recording == match.recording:
        return {"queue_reason": _reason(match)}
    detections = _detections_of(match, recording)
    taken = Match.objects.filter(scanned_file=match.scanned_file_id, recording=recording)
    if not detections:
        raise errors.NotPossible(
            _("%(title)s is not among the versions that fit this match equally.")
            % {"title": recording.full_title}
        )
    if taken.exists():
        raise errors.NotPossible(
            _("The file has another match of %(title)s already.") % {"title": recording.full_title}
        )
    measured = figures.work_out(
        detections=detections,
        segments=[segment for detection in detections for segment in detection.segments.all()],
        source_ms=match.scanned_file.length_ms,
        reference_ms=recording.duration_ms,
        excluded=excluded_intervals_of([detection.recording_id for detection in detections]),
    )
    if match.speech_checked:
        measured = replace(measured, under_speech=match.under_speech)
    return {
        **asdict(measured),
        "recording_id": recording.pk,
        "scan_id": max(detection.scan_id for detection in detections),
        "queue_reason": _reason(match),
    }


def _reason(match: Match) -> str:
    """Return why a match waits once its version is chosen."""
    subject = replace(Subject.of(match), has_open_versions=False)
    is_about_versions = match.queue_reason == QueueReason.TWO_VERSIONS
    return str(evaluation.own_reason(subject)) if is_about_versions else match.queue_reason


def _detections_of(match: Match, recording: Recording) -> list[Detection]:
    candidates = match.candidates.select_related("recording").prefetch_related("segments")
    return [detection for detection in candidates if detection.recording.stands_for_it == recording]


def _apply(current: Match, change: Change, recording: Recording, actor: User | str) -> Match:
    """Write a change of a match that names this recording from now on."""
    evidence, former = _detections_of(current, recording), current.recording
    changed = transitions.apply(current=current, change=change, actor=actor)
    if recording != former:
        # The evidence of the two changes places.
        earlier = [*changed.detections.all(), *changed.candidates.all()]
        changed.detections.set(evidence)
        changed.candidates.set([detection for detection in earlier if detection not in evidence])
        following.follow([Move(changed.scanned_file_id, former.pk, recording.pk)])
        refresh_figures([changed.scanned_file_id])
    return changed


@transaction.atomic
def answer(
    *, recording: Recording, alternative: Recording, stands: Recording | None, user: User
) -> int:
    """Answer for a pair of versions, in all files, which one stands for both.

    Without one, each file asks. Waiting matches and those that rules settled follow;
    people's decisions and choices stay. Return how many matches follow.
    """
    transitions.require(
        user, Action.DECIDE, why=_("Your role may view matches but not decide about versions.")
    )
    # The answer holds in all files.
    refuse_limited(user)
    if stands not in (None, recording, alternative) or not versions.differ(recording, alternative):
        raise errors.NotPossible(_("The answer must name one of two versions."))
    first, second = sorted((recording, alternative), key=lambda version: version.pk)
    with working_for(None):
        # Two people may answer at once; the later answer counts.
        list(Recording.objects.select_for_update().filter(pk__in=[first.pk, second.pk]))
        earlier = VersionAnswer.objects.filter(one=first, other=second).first()
        before = _answer_in_words(earlier)
        row, _made = VersionAnswer.objects.update_or_create(
            one=first, other=second, defaults={"stands": stands, "answered_by": user}
        )
        after = _answer_in_words(row)
        if before == after:
            return 0
        drafts = [
            EventDraft(
                case=f"recording:{version.uid}",
                action="recording.versions_answered",
                before=before | {"beside": beside.uid},
                after=after | {"beside": beside.uid},
            )
            for version, beside in ((first, second), (second, first))
        ]
        record_all(drafts, actor=user)
        return follow([first.pk, second.pk], actor=user)


def _answer_in_words(row: VersionAnswer | None) -> dict[str, str]:
    if row is None:
        return {"answer": ""}
    return {"answer": row.stands.uid if row.stands is not None else "ask"}


@working_for(None)
def follow(recordings: Iterable[int], *, actor: User | str) -> int:
    """Look again at the matches that one of these recordings is a version of.

    Somebody answered for them, or they were merged, retired or brought back. Return how
    many matches changed.
    """
    keys = list(recordings)
    about = Q(recording__in=keys) | Q(candidates__recording__in=keys)
    rows = Match.objects.filter(about, candidates__isnull=False).exclude(
        version_choice=VersionChoice.CHOSEN
    )
    matches = sorted(set(rows.values_list("pk", flat=True)))
    return sum(
        _look_again(matches[first : first + _AT_ONCE], actor)
        for first in range(0, len(matches), _AT_ONCE)
    )


def note_recordings(
    *, before: Mapping[int, Mapping[str, object]], user: User | None, **_signal: object
) -> None:
    """Follow recordings that were retired, or told apart by other metadata."""
    told_apart = {"status", "isrc_normalised", "version_title"}
    changed = [key for key, columns in before.items() if told_apart & columns.keys()]
    if changed:
        follow(changed, actor=user or SYSTEM)


def add_candidates(match: Match, detections: Iterable[Detection]) -> None:
    """Add versions that a late scan found to a locked match, and look at it again."""
    added = [detection for detection in detections if detection not in match.candidates.all()]
    if not added:
        return
    match.candidates.add(*added)
    Match.objects.filter(pk=match.pk).update(
        version=match.version + 1, updated_at=datetime.now(tz=UTC)
    )
    record(
        case=match.case,
        action=match_events.VERSION_FOUND,
        after={"candidates": versions.uids(added), "scan": added[0].scan.uid},
    )
    if match.version_choice == VersionChoice.CHOSEN:
        # Nobody has seen these.
        Match.objects.filter(pk=match.pk).update(version_choice=VersionChoice.OPEN)
    _look_again([match.pk], SYSTEM)


def _look_again(keys: list[int], actor: User | str) -> int:
    """Let matches name what answers say, and let rules look at them again."""
    rows = transitions.locked_rows().filter(pk__in=keys)
    versions_before = dict(rows.values_list("pk", "version"))
    for match in rows.prefetch_related("candidates__recording"):
        _lead(match, actor)
    grounds.again(matches=Match.objects.filter(pk__in=keys), actor=actor)
    for match in Match.objects.filter(
        pk__in=keys, version_choice=VersionChoice.OPEN
    ).select_related(*_RELATED):
        if evaluation.is_of_rules(match):
            ask_again(match, evaluation.evaluate(subject=Subject.of(match)))
    now = Match.objects.filter(pk__in=keys).values_list("pk", "version")
    return sum(version != versions_before[key] for key, version in now)


def _lead(match: Match, actor: User | str) -> None:
    """Write which version a match names by the answers, and whether that is open."""
    alternatives = versions.standing_among(match.candidates.all(), beside=match.recording)
    ordered = [match.recording, *sorted(alternatives, key=lambda version: version.pk)]
    leading = versions.led_by_answers(ordered, versions.answers_among(ordered))
    is_free = match.state in WAITING_STATES and not match.proposed
    if leading != match.recording and (is_free or evaluation.is_of_rules(match)):
        change = Change(
            match_events.NAMED_BY_ANSWER,
            MatchState(match.state),
            fields=_naming(match, leading) | transitions.lock_of(match),
            details={"recording": leading.uid, "former": match.recording.uid},
            free=True,
        )
        alternatives = {*alternatives, match.recording} - {leading}
        match = _apply(match, change, leading, actor)
    choice = versions.unchosen(match.recording, alternatives)
    if choice != match.version_choice:
        # Its version stays, so that the undo of a merge restores what nobody changed.
        Match.objects.filter(pk=match.pk).update(version_choice=choice)

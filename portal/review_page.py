"""Puts together what the page shows on which a person decides one match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from catalogue.models import RecordingStatus
from portal import evidence, stretches
from portal.formats import clock, counted, percent
from portal.pair import aligned_pair
from portal.queue import Queue
from portal.reasons import why_here
from reports.evidence.selectors import evidence_of
from review import coverage, selectors
from review.choices import (
    WAITING_STATES,
    DisputeCode,
    MatchState,
    RejectCode,
    Verb,
)
from review.errors import ReviewError
from review.models import Match
from review.services import decisions, disputes, locks, transitions
from review.subjects import Subject
from scanning.models import Segment

CANDIDATES = 6
EVENTS_SHOWN = 12
# Taking and giving back is work on the way, not what was decided.
_LOOKS = ("take", "release", "lock_ended")


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a match, as the page and its script read it."""

    holder: str
    until: datetime | None
    is_mine: bool
    is_foreign: bool

    @property
    def clock(self) -> str:
        """Return until when, as a clock on the wall."""
        return f"{timezone.localtime(self.until):%H:%M}" if self.until else ""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the comparison of what both sides say about themselves."""

    name: str
    source: str
    reference: str

    @property
    def differs(self) -> bool:
        """Tell whether both say something, and not the same."""
        return bool(
            self.source
            and self.reference
            and self.source.casefold() != self.reference.casefold()
        )


@dataclass(frozen=True, slots=True)
class LastDecision:
    """What this person decided last, and until when it can be taken back."""

    match: Match
    what: str
    undo_until: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed into a decision that could not be saved, and why not."""

    verb: str
    reason: str
    note: str
    code: str
    message: str
    posted: QueryDict | None = None


def open_match(*, match: Match, user: User) -> Match:
    """Take the lock if the match is free and the user may decide; return it as is."""
    if not user.has_perm(Action.DECIDE) or match.state not in WAITING_STATES[:2]:
        return match
    try:
        taken = locks.take_lock(match=match, user=user)
    except ReviewError:
        return match
    for name in ("state", "version", "locked_by", "locked_until"):
        setattr(match, name, getattr(taken, name))
    return match


def standing(match: Match) -> str:
    """Tell whether the file or the recording is gone from work: its one word, or none."""
    if match.scanned_file.deleted_at is not None:
        return "deleted"
    return "retired" if match.recording.status == RecordingStatus.RETIRED else ""


def changed_standing(match: Match, posted: QueryDict) -> str:
    """Say what went since the page of the form was shown; empty where nothing did."""
    now = standing(match)
    if not now or posted.get("standing", now) == now:
        return ""
    gone = {
        "deleted": f"{match.scanned_file.name} was deleted meanwhile",
        "retired": f"{match.recording.title} was retired meanwhile",
    }
    return f"{gone[now]}; nothing was saved. Reload, and decide if it still holds."


def lock_of(match: Match, user: User) -> Lock:
    """Return who holds the match now."""
    holder, until = match.locked_by, match.locked_until
    if holder is None or until is None or until <= transitions.now():
        return Lock("", None, is_mine=False, is_foreign=False)
    mine = holder == user
    return Lock(holder.get_username(), until, is_mine=mine, is_foreign=not mine)


def live(*, match: Match, queue: Queue) -> dict[str, object]:
    """Return what changes while the page is open: the lock, and the way on."""
    lock, place = lock_of(match, queue.user), queue.place_of(match)
    following = queue.next_to(match)
    return {
        "state": match.state,
        "version": match.version,
        "holder": lock.holder,
        "until": lock.until,
        "clock": lock.clock,
        "mine": lock.is_mine,
        "number": counted(place.number) if place.number else "",
        "total": counted(place.total),
        "next": queue.url_of(following) if following else "",
        "previous": _url_before(queue, match),
    }


def page(
    *, match: Match, queue: Queue, chosen: str, draft: Draft | None = None
) -> dict[str, object]:
    """Return the context of the page; ``chosen`` is the number of a segment."""
    user = queue.user
    segments = selectors.match_segments(match)
    current = evidence.chosen(chosen, len(segments))
    play = segments[current - 1] if segments else None
    others = evidence.others_in_file(match)
    fields = _metadata(match)
    following = queue.next_to(match)
    events = _history(match)
    licences = coverage.checks(subject=Subject.of(match))
    verbs = decisions.possible_verbs(match=match, user=user)
    place = queue.place_of(match)
    context: dict[str, object] = {}
    if queue.holds_all_waiting:
        context["nav"] = {"pending_matches": place.total}
    return context | {
        "match": match,
        "queue": queue,
        "place": place,
        "next_url": queue.url_of(following) if following else "",
        "previous_url": _url_before(queue, match),
        "here": queue.url_of(match),
        "query": queue.query(),
        "lock": lock_of(match, user),
        "standing": standing(match),
        "verbs": verbs,
        "moves": disputes.possible_moves(match=match, user=user),
        "dispute_codes": DisputeCode.choices,
        "may_decide": user.has_perm(Action.DECIDE),
        "may_manage": user.has_perm(Action.APPROVE),
        "codes": RejectCode.choices,
        "licences": licences,
        "strip": _strip(match, segments, play, draft, verbs),
        "usable": [each for each in licences if each.cover != coverage.Cover.NONE],
        "draft": draft,
        "is_overdue": bool(match.due_at and match.due_at < transitions.now()),
        "why": why_here(match, play),
        "plays": evidence.plays_of(segments, current),
        "current": current,
        "pair": aligned_pair(match=match, play=play) if play else None,
        "ribbon": evidence.draw_ribbon(
            match=match,
            segments=segments,
            play=play,
            others=others,
            here=queue.url_of(match),
        ),
        "plot": evidence.draw_plot(match, segments, current),
        "fields": fields,
        "differing": sum(field.differs for field in fields),
        "candidates": _candidates(segments, others),
        "copies": selectors.copies_heard(match),
        "earlier": selectors.earlier_decisions(match),
        "evidence": evidence_of(match),
        "events": events[:EVENTS_SHOWN],
        "has_more_events": len(events) > EVENTS_SHOWN,
        "score_scale": match.score_scale.replace(":", " ").replace("-", "–"),
        "share_of_file": percent(match.matched_ms, match.scanned_file.duration_ms),
    }


def _strip(
    match: Match,
    segments: Sequence[Segment],
    play: Segment | None,
    draft: Draft | None,
    verbs: Sequence[Verb],
) -> stretches.Strip | None:
    """Return the strip of "exclude part", for one who may; it begins at the play."""
    if Verb.REJECT not in verbs or not match.recording.duration_ms or play is None:
        return None
    return stretches.strip(
        recording=match.recording,
        plays=segments,
        picked=(
            max(play.reference_start_ms, 0),
            min(play.reference_end_ms, match.recording.duration_ms),
        ),
        posted=draft.posted if draft else None,
    )


def _history(match: Match) -> list[Event]:
    """Return what happened, newest first; of the looks at it, only the last."""
    told = selectors.events_of(match)
    latest = told.first()
    shown = list(told.exclude(action__in=_LOOKS)[: EVENTS_SHOWN + 1])
    return [latest, *shown] if latest and latest.action == "take" else shown


def last_decision(*, uid: str, user: User) -> LastDecision | None:
    """Return the decision to show with its undo, unless something came after it."""
    match = (
        Match.objects.select_related("recording", "scanned_file")
        .filter(uid=uid)
        .first()
    )
    event = transitions.last_event(match) if match else None
    if match is None or event is None or not _can_undo(event, user):
        return None
    until = event.at + decisions.UNDO_FOR
    what = match.get_state_display()
    if event.action == decisions.EXCLUDE_PART:
        start_ms, end_ms = event.after["span"]
        what = f"{clock(start_ms)} – {clock(end_ms)} excluded"
        if match.state == MatchState.ESCALATED:
            what = "Exclusion proposed"
    return LastDecision(match, what, until if until > transitions.now() else None)


def _can_undo(event: Event, user: User) -> bool:
    return decisions.may_undo(event=event, user=user) and event.actor_id == user.pk


def _url_before(queue: Queue, match: Match) -> str:
    earlier = queue.before(match)
    return queue.url_of(earlier) if earlier else ""


def _metadata(match: Match) -> list[Field]:
    """Set what the file says of itself beside what the catalogue says."""
    file, recording = match.scanned_file, match.recording
    tags: dict[str, Any] = file.facts.get("tags", {})  # Any: whatever the file carries

    def told(*names: str) -> str:
        return next((str(tags[name]) for name in names if tags.get(name)), "")

    return [
        Field("Title", told("title"), recording.title),
        Field("Artist", told("artist", "album_artist"), recording.artist_names),
        Field("Album", told("album"), recording.album),
        Field("Label", told("label", "publisher"), recording.label),
        Field("ISRC", told("isrc", "tsrc"), recording.isrc),
        Field("Released", told("date", "year"), recording.release_date),
    ]


def _candidates(segments: Sequence[Segment], others: Sequence[Match]) -> list[Match]:
    """Return the other recordings that were found at the same places of the file."""
    found = [
        other
        for other in others
        if any(
            one.start_ms < mine.end_ms and one.end_ms > mine.start_ms
            for one in other.segments
            for mine in segments
        )
    ]
    return sorted(found, key=lambda other: -(other.score or 0))[:CANDIDATES]

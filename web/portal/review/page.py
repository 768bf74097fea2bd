"""The context of the review page, on which a person decides one match."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import is_limited
from base.accounts.roles import Action
from base.audit.models import Event
from base.common.phrases import lowered
from base.common.reading import read_release
from catalogue.models import Exclusion, Recording, RecordingStatus
from catalogue.selectors import excluded_segments, shown_for
from reports.cue_questions import questions_of
from reports.evidence.selectors import evidence_of
from review import coverage, match_events, rule_names, selectors
from review.choices import WAITING_STATES, MatchState, Verb
from review.copies import waiting_copies
from review.decisions.decide import allowed_verbs
from review.decisions.verbs import RULES
from review.errors import ReviewError
from review.models import Match, VersionAnswer
from review.programmes.precedents import Precedent, precedent_of
from review.programmes.selectors import use_of
from review.services import locks, transitions
from review.subjects import Subject
from review.versions import candidates_of, pair_of
from scanning.models import Segment
from scanning.parts import kept_intervals
from statements.choices import FOLLOWED
from statements.kinds import kind_of
from statements.selectors import Mark, marks_of_matches
from web.portal.pictures import exclusion
from web.portal.pictures import match as pictures
from web.portal.pictures.pair import aligned_pair
from web.portal.review.queue import Queue
from web.portal.review.reasons import proposed, shown_reason
from web.portal.review.undo import Undoing, undoing_of
from web.portal.shared import selection
from web.portal.shared.access import PortalRequest
from web.portal.shared.formats import counted, scale

LAST = "decided_last"
"""The key of the session with the match that this person decided last, and its list."""
CANDIDATES = 6
# Undoing depends on the last decision, an escalated match is not escalated again, and few
# matches have another version.
_OF_NOBODY_ELSE = (Verb.UNDO, Verb.ESCALATE, Verb.CHOOSE)
EVENTS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Lock:
    """The review lock of a match, as the page and its script read it."""

    holder: str
    until: datetime | None
    is_mine: bool
    is_foreign: bool

    @property
    def clock(self) -> str:
        """Return the local time of the lock's end as ``HH:MM``; empty without a lock."""
        return f"{timezone.localtime(self.until):%H:%M}" if self.until else ""


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the comparison of the file's tags with the catalogue."""

    name: str
    source: str
    reference: str

    @property
    def differs(self) -> bool:
        """Tell whether both sides have a value and the values differ, ignoring case."""
        return bool(
            self.source and self.reference and self.source.casefold() != self.reference.casefold()
        )


@dataclass(frozen=True, slots=True)
class Version:
    """A version that a match may name instead; ``both`` has the match's own too."""

    recording: Recording
    score: Decimal | None
    matched_ms: int
    both: tuple[Recording, Recording]
    answer: VersionAnswer | None


@dataclass(frozen=True, slots=True)
class Draft:
    """The user's input to a decision that was not saved, and the cause."""

    verb: str
    reason: str
    note: str
    code: str
    message: str
    posted: QueryDict

    @classmethod
    def of(cls, posted: QueryDict, *, code: str, message: str, verb: str = "") -> Draft:
        """Return the draft that a form posted; ``verb`` replaces the form's own."""
        return cls(
            verb=verb or posted.get("verb", ""),
            reason=posted.get("code") or posted.get("reason", ""),
            note=posted.get("note", ""),
            code=code,
            message=message,
            posted=posted,
        )


def open_match(*, match: Match, user: User) -> Match:
    """Take the review lock if the match is free and the user may decide it."""
    if not user.has_perm(Action.DECIDE) or match.state not in WAITING_STATES[:2]:
        return match
    try:
        taken = locks.take_lock(match=match, user=user)
    except ReviewError:
        # A lock of another user must not keep the page from opening.
        return match
    # Copied, because the match that the caller holds has its relations loaded.
    for name in ("state", "version", "locked_by", "locked_until"):
        setattr(match, name, getattr(taken, name))
    return match


def standing(match: Match) -> str:
    """Return ``deleted`` for a deleted file, ``retired`` for a retired recording."""
    if match.scanned_file.deleted_at is not None:
        return "deleted"
    return "retired" if match.recording.status == RecordingStatus.RETIRED else ""


def changed_standing(match: Match, posted: QueryDict) -> str:
    """Return a message if file or recording was removed since the page was drawn."""
    now = standing(match)
    if not now or posted.get("standing", now) == now:
        return ""
    if now == "deleted":
        return _(
            "%(name)s was deleted in the meantime, so nothing was saved. "
            "Decide whether it still applies, then save again."
        ) % {"name": match.scanned_file.name}
    return _(
        "%(title)s was retired in the meantime, so nothing was saved. Decide "
        "whether it still applies, then save again."
    ) % {"title": match.recording.full_title}


def lock_of(match: Match, user: User) -> Lock:
    """Return the review lock; an expired one counts as none."""
    holder, until = match.locked_by, match.locked_until
    if holder is None or until is None or until <= datetime.now(tz=UTC):
        return Lock("", None, is_mine=False, is_foreign=False)
    mine = holder == user
    return Lock(holder.get_username(), until, is_mine=mine, is_foreign=not mine)


def live(
    *, match: Match, queue: Queue, drawn_version: int | None = None, stood: str | None = None
) -> dict[str, object]:
    """Return the values that change while the page is open, such as the lock.

    The page was drawn with ``drawn_version`` and the standing ``stood``.
    ``changed`` is true if the match has had other events than locks since that version,
    or if its file or recording has gone.
    """
    lock, place = lock_of(match, queue.user), queue.place_of(match)
    following = queue.next_to(match)
    changed = drawn_version is not None and not transitions.only_asides_since(
        match=match, version=drawn_version
    )
    if stood is not None and stood != standing(match):
        changed = True
    return {
        "state": match.state,
        "badge": render_to_string("components/_badge.html", {"state": match.state}),
        "changed": changed,
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
    """Return the context of the page; ``chosen`` is a segment number from the address."""
    seen = _Evidence(match, queue, chosen)
    following = queue.next_to(match)
    events = _history(match)
    choices = _choices(match, queue, draft)
    place = queue.place_of(match)
    excluded = list(excluded_segments(match.recording))
    touching = selectors.proposals_touching(match, seen.segments, excluded)
    behind = selectors.proposals_behind([match]).get(match.pk)
    context: dict[str, object] = {}
    if queue.holds_all_waiting:
        context["nav"] = {"queue": place.total}
    return (
        context
        | seen.context()
        | choices
        | {
            "place": place,
            "next_url": queue.url_of(following) if following else "",
            "previous_url": _url_before(queue, match),
            "strip": _strip(match, seen.segments, excluded, seen.segment, draft, choices["verbs"]),
            "why": shown_reason(match, behind),
            "waits_for_answer": behind is not None,
            "proposals": [
                proposed(exclusion=exclusion, match=match, queue=queue) for exclusion in touching
            ],
            "plot": pictures.draw_plot(match, match.tally, seen.current),
            "candidates": _candidates(seen.segments, pictures.rivals_in(seen.line, match)),
            "copies": selectors.copies_heard(match),
            "earlier": selectors.earlier_decisions(match),
            "evidence": evidence_of(match),
            "stated": _stated(match),
            "use": use_of(match.scanned_file, match.recording),
            "events": events[:EVENTS_SHOWN],
            "has_more_events": len(events) > EVENTS_SHOWN,
        }
    )


def _stated(match: Match) -> list[Mark]:
    """Return what statements say of the match, but for those with a card of their own."""
    marks = marks_of_matches([match], states=FOLLOWED).get(match.uid, [])
    return [
        mark for mark in marks if mark.statement is None or not kind_of(mark.statement).has_card
    ]


def preview(*, match: Match, queue: Queue, chosen: str) -> dict[str, object]:
    """Return the context of a match beside its list: what decides the easy cases."""
    seen = _Evidence(match, queue, chosen)
    behind = selectors.proposals_behind([match]).get(match.pk)
    return (
        seen.context()
        | verbs_beside(match=match, queue=queue)
        | {"why": shown_reason(match, behind)}
    )


def verbs_beside(*, match: Match, queue: Queue) -> dict[str, object]:
    """Return the context of the decision bar alone, for a list without a preview.

    Exclusions are drawn on the match's own page.
    """
    return _choices(match, queue, None) | {
        "strip": None,
        "proposals": [],
        "next_url": "",
        "in_list": True,
    }


class _Evidence:
    """The parts of a match that its page and its preview share: segments, ribbon, sounds."""

    def __init__(self, match: Match, queue: Queue, chosen: str) -> None:
        self.match, self.queue = match, queue
        self.line = pictures.file_of(match)
        self.segments = segments = match.segments
        self.current = pictures.chosen(chosen, len(segments))
        self.segment = segments[self.current - 1] if segments else None

    def context(self) -> dict[str, object]:
        """Return the part of the context."""
        match, segment = self.match, self.segment
        fields = _metadata(match)
        shown = pictures.shown_segments(match.tally, self.current)
        return {
            "shown_segments": shown,
            "segment_page": pictures.segment_page(shown, self.current),
            "current": self.current,
            "pair": aligned_pair(match=match, segment=segment) if segment else None,
            "kept_sound": _why_silent(match, segment),
            "ribbon": pictures.draw_ribbon(
                match=match,
                count=match.tally,
                segment=segment,
                line=self.line,
                here=self.queue.url_of(match),
            ),
            "fields": fields,
            "differing": sum(field.differs for field in fields),
            "score_scale": scale(match.score_scale),
            "answering": _answering(match),
        }


def _answering(match: Match) -> str:
    """Return the number of the licence that answers the match's dispute, if one does."""
    if match.state != MatchState.DISPUTED:
        return ""
    check = coverage.best(subject=Subject.of(match))
    if check is None or check.cover != coverage.Cover.FULL:
        return ""
    return rule_names.licence_number(check.licence.number)


def _why_silent(match: Match, segment: Segment | None) -> str:
    """Return why times of an hour of a stream are silent; empty for other files."""
    intervals = kept_intervals(match.scanned_file) if segment else None
    if intervals is None or segment is None:
        return ""
    if any(start <= segment.start_ms and segment.end_ms <= end for start, end in intervals):
        return _(
            "For an hour of a stream, only the sound around matches is kept; the rest is silent."
        )
    return _(
        "Part of this segment's sound is missing, because the stream's audio was "
        "overwritten before the match was found. Missing parts are silent."
    )


def _choices(match: Match, queue: Queue, draft: Draft | None) -> dict[str, Any]:
    """Return the part of the context that the decision bar needs."""
    user = queue.user
    verbs = allowed_verbs(match=match, user=user)
    licences = coverage.checks(subject=Subject.of(match))
    usable = [check for check in licences if check.cover != coverage.Cover.NONE]
    copies = waiting_copies(match) if Verb.CONFIRM in verbs else []
    versions = _versions(match)
    return {
        "match": match,
        "queue": queue,
        "here": queue.url_of(match),
        "query": queue.query(),
        "lock": lock_of(match, user),
        "standing": standing(match),
        "stays": shown_for(match.recording),
        "verbs": verbs,
        "undoing": undoing_of(match, user) if Verb.UNDO in verbs else None,
        "may_decide": user.has_perm(Action.DECIDE),
        "may_manage": user.has_perm(Action.APPROVE),
        "cannot": _cannot(match, user, verbs),
        "versions": versions,
        "may_answer": versions and user.has_perm(Action.DECIDE) and not is_limited(user),
        "licences": licences,
        "usable": usable,
        "again": _precedent(match, verbs, usable),
        "questions": questions_of(match) if Verb.CONFIRM in verbs else [],
        "file_copies": copies,
        "packed_copies": selection.pack({copy.uid: copy.version for copy in (match, *copies)}),
        "draft": draft,
        "is_overdue": bool(match.due_at and match.due_at < datetime.now(tz=UTC)),
    }


def _versions(match: Match) -> list[Version]:
    """Return the versions that the match may name instead, with the answers for pairs."""
    candidates = candidates_of(match)
    if not candidates:
        return []
    own = match.recording
    rows = VersionAnswer.objects.filter(Q(one=own) | Q(other=own)).select_related(
        "stands", "answered_by"
    )
    answers = {frozenset((row.one_id, row.other_id)): row for row in rows}
    return [
        Version(
            candidate.recording,
            candidate.score,
            candidate.matched_ms,
            (own, candidate.recording),
            answers.get(pair_of(own, candidate.recording)),
        )
        for candidate in candidates
    ]


def _precedent(
    match: Match, verbs: Container[str], usable: Sequence[coverage.LicenceCheck]
) -> Precedent | None:
    """Return the earlier decision that one key makes again, if it is possible here."""
    if Verb.CONFIRM not in verbs:
        return None
    precedent = precedent_of(match)
    if precedent is None or precedent.licence is None:
        return precedent
    return precedent if any(check.licence == precedent.licence for check in usable) else None


def _cannot(match: Match, user: User, verbs: Container[str]) -> str:
    """Return what a key says whose verb this user may not apply now."""
    if not user.has_perm(Action.DECIDE):
        return _("Your role may view matches but not decide them.")
    held = lock_of(match, user)
    if held.is_foreign:
        return _("%(user)s is reviewing this until %(clock)s. You can look but not decide.") % {
            "user": held.holder,
            "clock": held.clock,
        }
    possible = [
        rule
        for verb, rule in RULES.items()
        if verb in verbs or (match.state in rule.starts and verb not in _OF_NOBODY_ELSE)
    ]
    own = [str(rule.label) for rule in possible if rule.verb in verbs]
    unavailable = [str(rule.label) for rule in possible if rule.verb not in verbs]
    parts = [_("This match is %(state)s.") % {"state": lowered(match.get_state_display())}]
    if own:
        parts.append(_("You can: %(verbs)s.") % {"verbs": ", ".join(own)})
    if unavailable:
        by = (
            _("Another manager can: %(verbs)s.")
            if user.has_perm(Action.APPROVE)
            else _("A manager can: %(verbs)s.")
        )
        parts.append(by % {"verbs": ", ".join(unavailable)})
    return " ".join(parts)


def _strip(
    match: Match,
    segments: Sequence[Segment],
    excluded: Sequence[Exclusion],
    segment: Segment | None,
    draft: Draft | None,
    verbs: Container[str],
) -> exclusion.Strip | None:
    """Return the picture of "exclude interval", with the chosen segment preselected.

    None if the user may not reject the match or there is no sound to show.
    """
    if Verb.REJECT not in verbs or not match.recording.duration_ms or segment is None:
        return None
    if segment.detection.recording_id != match.recording_id:
        # Its times are those of a recording that was merged into the match's own.
        return None
    return exclusion.strip(
        match=match,
        segments=segments,
        excluded=excluded,
        picked=(
            max(segment.reference_start_ms, 0),
            min(segment.reference_end_ms, match.recording.duration_ms),
        ),
        posted=draft.posted if draft and draft.verb == Verb.EXCLUDE else None,
    )


def _history(match: Match) -> list[Event]:
    """Return the events, newest first; a lock event only if it is the latest."""
    events = selectors.events_of(match)
    latest = events.first()
    # One more than the page shows, to tell whether there are more.
    recent = list(events.exclude(action__in=match_events.LOCK_EVENTS)[: EVENTS_SHOWN + 1])
    return [latest, *recent] if latest and latest.action == match_events.TAKE else recent


def keep_last(request: PortalRequest, match: Match, list_address: str) -> None:
    """Remember the match as the one that was decided last in this list."""
    request.session[LAST] = {"list": list_address, "match": match.uid}


def last_of(request: PortalRequest, list_address: str) -> Undoing | None:
    """Return what the user decided last in this list, while the user may undo it.

    None after the time of an undo, after a decision in another list, and if anything
    else has happened to the match.
    """
    entry = request.session.get(LAST, {})
    if entry.get("list") != list_address:
        return None
    match = (
        Match.objects.select_related("recording", "scanned_file", "dispute")
        .filter(uid=entry["match"])
        .first()
    )
    last = undoing_of(match, request.user) if match else None
    return last if last and last.until else None


def _url_before(queue: Queue, match: Match) -> str:
    earlier = queue.before(match)
    return queue.url_of(earlier) if earlier else ""


def _metadata(match: Match) -> list[Field]:
    """Pair the file's tags with the catalogue's values."""
    file, recording = match.scanned_file, match.recording
    tags: dict[str, Any] = file.facts.get("tags", {})  # Any: untyped file tags

    def tag(*names: str) -> str:
        return next((str(tags[name]) for name in names if tags.get(name)), "")

    return [
        Field(_("Title"), tag("title"), recording.title),
        Field(_("Artist"), tag("artist", "album_artist"), recording.artist_names),
        Field(_("Album"), tag("album"), recording.album),
        Field(_("Label"), tag("label", "publisher"), recording.label),
        Field("ISRC", tag("isrc", "tsrc"), recording.isrc),
        Field(
            _("Release date"),
            read_release(tag("date", "year")),
            read_release(recording.release_date),
        ),
    ]


def _candidates(segments: Sequence[Segment], matches: Sequence[Match]) -> list[Match]:
    """Return the best matches of other recordings that overlap these segments."""
    rivals = [
        match
        for match in matches
        if any(
            theirs.start_ms < mine.end_ms and theirs.end_ms > mine.start_ms
            for theirs in match.segments
            for mine in segments
        )
    ]
    rivals.sort(key=lambda match: (match.score or 0, match.bits), reverse=True)
    return rivals[:CANDIDATES]

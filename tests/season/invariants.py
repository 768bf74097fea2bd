"""Invariants that must hold after every step, whatever people and machines did."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Model, Q
from lxml import html

from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Recording, RecordingStatus
from reports.models import ReportDelivery
from review.bands import band_of_all
from review.choices import ONLY_BY, POLICY_ENDED, TRANSITIONS, MatchState, Verb
from review.match_events import (
    ASKED_AGAIN,
    ASSIGN,
    JOINED,
    NAMED_OTHERWISE,
    NEW_GROUNDS,
    NOTE,
    PARTED,
)
from review.models import Match, MatchAlias
from review.selectors import with_segments
from scanning.models import Detection, Segment
from tests.season import outside, samples
from tests.visible_text import faults_in

if TYPE_CHECKING:
    from tests.season.people import Answer, Person

# Actions that change a match's state without a transition of the table.
_FREE = {"found", ASKED_AGAIN, JOINED, PARTED, "undo", "application_undone"}
_ONLY_BY_A_PERSON = {MatchState.REJECTED, MatchState.RELEASED, MatchState.UPHELD}
_DECIDED_BY = re.compile(
    r"\b(Confirmed|Cleared|Rejected|Escalated|Disputed|Upheld|Released) by (\w+)"
)
# What else may follow, a licence by its kind or its number among it.
_NOBODY = {"the", "a", "hand", "licence", "LIC", "policy"}
_CLOCK = re.compile(r"\b\d\d:\d\d\b")
# Columns that undoing a decision does not restore.
_HISTORY = {
    *("version", "updated_at", "locked_by_id", "locked_until"),
    # An answer for the pair changes it in all files.
    "version_choice",
}

# What undoing keeps, by the event of the person who wrote or chose it.
_STAYS = {NOTE: "note", ASSIGN: "assignee_id"}


class Broken(AssertionError):
    """An invariant does not hold."""


def check(holds: object, fault: str) -> None:
    """Raise ``Broken`` with the fault unless the condition holds."""
    if not holds:
        raise Broken(fault)


def check_answer(person: Person, method: str, answer: Answer) -> None:
    """Check an answer: no server error, no raw codes, no hidden names."""
    query = f"{method} {answer.url} as {person.name}"
    check(answer.status < 500, f"{query}: {answer.status}")
    token = outside.CLOUD_TOKEN.encode()
    check(token not in answer.content, f"{query} shows the account's token")
    if answer.is_page:
        text = answer.content.decode()
        # The API's own documentation names its fields.
        faults = [] if answer.url.startswith("/api/docs") else faults_in(text)
        check(not faults, f"{query} shows {faults}")
        _check_times(person.zone, text, query)
        check(
            answer.status != 422 or 'role="alert"' in text or "errorlist" in text,
            f"{query}: refused without a word",
        )
    if person.is_limited and samples.HIDDEN.encode() in answer.content:
        typed = samples.HIDDEN in answer.url
        at = answer.content.find(samples.HIDDEN.encode())
        excerpt = answer.content[max(0, at - 200) : at + 100].decode(errors="replace")
        check(typed, f"{query} shows what lies at a hidden desk: …{excerpt}…")


def _check_times(zone: str, content: str, query: str) -> None:
    """Check that each time of a page is its instant on the reader's clock."""
    if "<time" not in content:
        return
    for element in html.document_fromstring(content).iter("time"):
        # The log of plays shows the zone that somebody chose there.
        if element.get("title") == element.get("datetime"):
            continue
        at = datetime.fromisoformat(element.get("datetime"))
        local, text = at.astimezone(ZoneInfo(zone)), element.text_content()
        clock = _CLOCK.search(text)
        check(
            clock is None or clock[0] == f"{local:%H:%M}",
            f"{query} shows {text} for {at} in {zone}",
        )


def _owners_of_scheduled(event: Event) -> set[str]:
    """Return in whose name a schedule's report runs, whoever asks for it."""
    if event.action != "exported":
        return set()
    deliveries = ReportDelivery.objects.filter(run__uid=event.case.removeprefix("report:"))
    return set(deliveries.values_list("schedule__made_by__username", flat=True))


@dataclass
class Records:
    """Everything written so far, to compare with the database after each step."""

    last_event: int = 0
    detections: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    segments: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    states: dict[str, str | None] = field(default_factory=dict)
    matches: dict[int, dict[str, Any]] = field(default_factory=dict)
    before_decision: dict[int, dict[str, Any]] = field(default_factory=dict)
    before_act: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    """Matches before a policy or a licence was applied, by its act."""
    retired: dict[int, int] = field(default_factory=dict)
    """The newest match from before a recording was retired, by its key."""

    @classmethod
    def begin(cls) -> Records:
        """Read the initial world."""
        records = cls()
        records.check_step(actors=None)
        return records

    def check_step(self, actors: set[str] | None) -> list[Event]:
        """Check the rows that the last step wrote; return its events.

        ``actors`` are the people who acted in the step; None if anybody may have acted.
        """
        events = list(Event.objects.filter(pk__gt=self.last_event).order_by("pk"))
        for event in events:
            self._check_event(event, actors)
            self._expect_otherwise(event)
        decided = Counter(event.case for event in events if event.action in {*Verb, "propose"})
        # Only the last event of a match is compared with what was before the step.
        self._forget(case for case, number in decided.items() if number > 1)
        if events:
            self.last_event = events[-1].pk
        self._check_retired(events)
        changed = self._check_matches(events)
        check_seconds(changed, events)
        self._check_untouched(Detection, self.detections)
        self._check_untouched(Segment, self.segments)
        return events

    def _check_event(self, event: Event, actors: set[str] | None) -> None:
        text = f"{event.action} of {event.case} by {event.actor_name}"
        if actors is not None and event.actor is not None:
            names = actors | _owners_of_scheduled(event)
            check(event.actor_name in names, f"{text}, when {actors} acted")
        if not event.case.startswith("match:"):
            return
        if "state" in event.after:
            before, after = event.before.get("state"), event.after["state"]
            state = self.states.get(event.case)
            check(
                before == state or event.case not in self.states,
                f"{text} begins at {before}, but the case was {state}",
            )
            if event.action not in _FREE and before and before != after:
                check(
                    after in TRANSITIONS[MatchState(before)],
                    f"{text} moves from {before} to {after}",
                )
            if (before, after) in ONLY_BY and event.action not in _FREE:
                check(
                    event.action in ONLY_BY[before, after]
                    and (event.before["decided_by"] is None) == (event.action == POLICY_ENDED),
                    f"{text} takes a confirmation back",
                )
            if after in _ONLY_BY_A_PERSON and event.action not in _FREE:
                check(event.actor is not None, f"{text} gives {after} without a person")
            self.states[event.case] = after

    def _expect_otherwise(self, event: Event) -> None:
        """Expect no equal row of undoing a decision where the rules changed since."""
        if event.action == "application.undone":
            self._forget(f"match:{uid}" for uid, _changed_by in event.after["left"])
        elif event.action in (*NEW_GROUNDS, JOINED, NAMED_OTHERWISE, PARTED):
            self._forget([event.case])

    def _forget(self, cases: Iterable[str]) -> None:
        """Forget the rows from before decisions and applications."""
        uids = [case.removeprefix("match:") for case in cases]
        keys = set(Match._base_manager.filter(uid__in=uids).values_list("pk", flat=True))
        for key in keys:
            self.before_decision.pop(key, None)
        for key, act in [action for action in self.before_act if action[0] in keys]:
            del self.before_act[key, act]

    def _check_matches(self, events: list[Event]) -> list[int]:
        """Check the rows that differ since the last step; return their keys."""
        changed: list[int] = []
        cases = {event.case: event for event in events}
        for match in Match._base_manager.all():
            row = {name: value for name, value in vars(match).items() if not name.startswith("_")}
            fields = self.matches.get(match.pk)
            if fields == row:
                continue
            changed.append(match.pk)
            state = self.states.get(match.case)
            check(
                state is None or state == match.state,
                f"{match.case} is {match.state}, its events say {state}",
            )
            event = cases.get(match.case)
            act = str(event.after.get("act", "")) if event is not None else ""
            if event is not None and event.action in _STAYS:
                self._let_stay(match, _STAYS[event.action])
            if event is not None and event.action == Verb.UNDO and fields is not None:
                self._check_undone(match, row, self.before_decision.pop(match.pk, None))
            elif event is not None and event.action == "application_undone":
                self._check_undone(match, row, self.before_act.get((match.pk, act)))
            elif act and fields is not None:
                self.before_act.setdefault((match.pk, act), fields)
            elif (
                fields is not None
                and event is not None
                and event.action in {*Verb, "propose"}
                and (fields["state"] != row["state"] or event.action == Verb.CHOOSE)
            ):
                self.before_decision[match.pk] = fields
            self.matches[match.pk] = row
            self._check_identity(match, fields)
        self._check_none_is_lost()
        return changed

    def _check_identity(self, match: Match, fields: dict[str, Any] | None) -> None:
        """Check that a match is the same case in the same file, found before decided."""
        if fields is not None:
            identity = [(row["uid"], row["scanned_file_id"]) for row in (fields, vars(match))]
            check(identity[0] == identity[1], f"{match.case} was {identity[0]}")
        check(
            match.decided_at is None or match.created_at <= match.decided_at,
            f"{match.case} was decided before it was found",
        )

    def _check_none_is_lost(self) -> None:
        """Check that each id that a match ever had leads to a match of the same file."""
        there = set(Match._base_manager.values_list("pk", flat=True))
        gone = self.matches.keys() - there
        files = dict(
            MatchAlias._base_manager.filter(former_key__in=gone).values_list(
                "former_key", "match__scanned_file"
            )
        )
        for key in gone:
            file = self.matches[key]["scanned_file_id"]
            check(files.get(key) == file, f"match {key} of file {file} leads nowhere")

    def _let_stay(self, match: Match, column: str) -> None:
        """Expect undoing what came before to keep the column's present value."""
        acts = [row for (pk, _act), row in self.before_act.items() if pk == match.pk]
        for row in [self.before_decision.get(match.pk, {}), *acts]:
            row[column] = getattr(match, column)

    def _check_undone(
        self, match: Match, row: dict[str, Any], before: dict[str, Any] | None
    ) -> None:
        if before is None:
            return
        counted = {
            name: (before[name], row[name])
            for name in row
            if name not in _HISTORY and before.get(name) != row[name]
        }
        # The earlier lock is over, so an open match goes back to the queue.
        if counted.get("state") == (MatchState.IN_REVIEW, MatchState.PENDING):
            del counted["state"]
        check(not counted, f"undo of {match.case} left {counted}")

    def _check_retired(self, events: list[Event]) -> None:
        """Check that no retired recording was found since; merged ones lead further."""
        rows = Recording._base_manager.filter(status=RecordingStatus.RETIRED)
        retired = {row.pk: row for row in rows if row.is_given_up}
        for key in self.retired.keys() - retired.keys():
            del self.retired[key]
        for key in retired.keys() - self.retired.keys():
            self.retired[key] = self._newest_before(retired[key], events)
        for match in Match._base_manager.filter(recording__in=retired):
            check(
                match.pk <= self.retired[match.recording_id],
                f"{match.case} is new, but {match.recording} was retired before",
            )

    def _newest_before(self, recording: Recording, events: list[Event]) -> int:
        """Return the newest match that a step found before it retired a recording."""
        retires = {f"recording:{recording.uid}", f"bucket:{recording.bucket_id}"}
        last = max((event.pk for event in events if event.case in retires), default=0)
        cases = [
            event.case.removeprefix("match:")
            for event in events
            if event.action == "found" and event.pk < last
        ]
        rows = Match._base_manager.filter(uid__in=cases, recording=recording)
        return max([*self.matches, *rows.values_list("pk", flat=True)], default=0)

    def _check_untouched(self, model: type[Model], fields: dict[int, tuple[Any, ...]]) -> None:
        rows = {row[0]: row for row in model._base_manager.values_list()}
        changed = [pk for pk, row in fields.items() if rows.get(pk, row) != row]
        check(not changed, f"{model.__name__} {changed} changed")
        fields.update(rows)


def check_seconds(changed: list[int], events: list[Event]) -> None:
    """Check that matches store the seconds that their segments and exclusions give."""
    excluded = {
        event.case.removeprefix("recording:")
        for event in events
        if event.action.startswith("exclusion.")
    }
    live = Match._base_manager.filter(Q(pk__in=changed) | Q(recording__uid__in=excluded))
    for match in with_segments(live):
        stored = (match.matched_ms, match.excluded_ms, match.wholly_excluded)
        tally = match.tally
        counted = (tally.ms, tally.excluded_ms, not tally.counted)
        check(stored == counted, f"{match.case} stores {stored}, counts {counted}")
        band = band_of_all((segment.low_hz, segment.high_hz) for segment in match.segments)
        check((match.low_hz, match.high_hz) == band, f"{match.case} is not in {band}")


def broken_chains() -> Iterator[str]:
    """Yield each case with a broken event chain."""
    for case in Event.objects.values_list("case", flat=True).distinct().order_by():
        fault = first_broken_event(case=case)
        if fault is not None:
            yield str(fault)


def wrong_names(match: Match, text: str) -> Iterator[str]:
    """Yield each sentence of a match's page that names the wrong person."""
    events = Event.objects.filter(case=match.case)
    acted = set(events.values_list("actor_name", flat=True))
    # A match that is found again keeps the decision and the name of its maker.
    for event in events.filter(action="found"):
        acted.add(event.after.get("decided_by_name"))
    for hit in _DECIDED_BY.finditer(text):
        name = hit[2]
        if name not in acted | _NOBODY:
            message = text[max(0, hit.start() - 80) : hit.end() + 80]
            yield f"{name} did nothing to {match.case}, yet: …{message}…"


def text_of(content: bytes) -> str:
    """Return the text of a page."""
    document = html.document_fromstring(content)
    # A separate list shows decisions on other matches of the recording.
    for element in document.xpath("//script | //style | //*[contains(@class, 'history--earlier')]"):
        element.drop_tree()
    return " ".join(document.text_content().split())

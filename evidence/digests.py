"""Digests of the facts about matches: equal as long as a new pack would state the same."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from django.db.models import Prefetch
from django.utils.translation import override

from accounts.reach import working_for
from audit.models import Event
from catalogue.models import Exclusion
from evidence.facts import (
    LEFT_OUT,
    Json,
    decisions_json,
    dispute_json,
    exclusion_json,
    heard_of,
    licences_json,
    match_json,
    recording_json,
    settings_json,
    source_json,
)
from reports.choices import Mode
from reports.layouts import kept_columns
from reports.rows import KeptRow
from reports.selectors import match_rows
from review import coverage
from review.coverage import LicencesInForce
from review.models import Dispute, Match
from review.selectors import cases_of_many, evidence_of
from review.subjects import Subject
from scanning.models import Detection

# Looking at a match changes its state between two that wait, which the list of decisions
# leaves out, and a note decides nothing. The address depends on the process.
_NO_FACTS: Final = LEFT_OUT | {"review_state", "state", "note", "notes", "case_url"}


def digests(matches: Iterable[int]) -> dict[int, str]:
    """Return the digest of each match by key, with a fixed number of queries.

    Notices and what platforms report are left out: they are about the decision, or made
    with the pack.
    """
    # Packs are built without access limits, and a digest has no reader's language.
    with working_for(None), override(None):
        rows = (
            Match.objects.filter(pk__in=list(matches))
            .select_related(
                *("recording__bucket", "recording__merged_into__bucket"),
                *("scanned_file__container", "scan"),
                *("second_scan", "licence"),
            )
            .prefetch_related(
                Prefetch(
                    "disputes",
                    Dispute.objects.select_related("recorded_by", "answered_by"),
                )
            )
        )
        found = list(rows)
        read = _Around.of(found)
        return {match.pk: _digest(read.facts_of(match)) for match in found}


@dataclass(frozen=True, slots=True)
class _Around:
    """What belongs to many matches; each kind is read once."""

    tables: Mapping[int, KeptRow]
    licences: LicencesInForce
    exclusions: Mapping[int, Sequence[Exclusion]]
    evidence: Mapping[int, Sequence[Detection]]
    events: Mapping[int, Sequence[Event]]

    @classmethod
    def of(cls, matches: Sequence[Match]) -> Self:
        exclusions: dict[int, list[Exclusion]] = defaultdict(list)
        for each in Exclusion.objects.filter(
            recording__in={match.recording_id for match in matches},
            approved=True,
            removed_at__isnull=True,
        ).order_by("start_ms", "pk"):
            exclusions[each.recording_id].append(each)
        events: dict[int, list[Event]] = defaultdict(list)
        of_case = cases_of_many(matches)
        for event in Event.objects.filter(case__in=of_case).order_by("at", "pk"):
            events[of_case[event.case]].append(event)
        tables = match_rows((match.pk for match in matches), None, without=LEFT_OUT)
        return cls(tables, LicencesInForce(), exclusions, evidence_of(matches), events)

    def facts_of(self, match: Match) -> Json:
        """Return what a pack states of a match."""
        names, of_segments = kept_columns(Mode.MATCH)
        cells, segments = self.tables[match.pk]
        checks = coverage.checks(subject=Subject.of(match), licences=self.licences)
        exclusions = self.exclusions.get(match.recording_id, ())
        return {
            "row": _known(zip(names, cells, strict=True)),
            "segments": [
                _known(zip(of_segments, each, strict=True)) for each in segments
            ],
            "match": _known(match_json(match).items()),
            "second_scan": match.second_scan.uid if match.second_scan else "",
            "recording": recording_json(
                match, heard_of(match, self.evidence.get(match.pk, ()))
            ),
            "source": source_json(match),
            "settings": settings_json(match.scanned_file.container),
            "licences": licences_json(match, checks),
            "exclusions": [exclusion_json(each) for each in exclusions],
            "decisions": decisions_json(self.events.get(match.pk, ())),
            "disputes": [dispute_json(each) for each in match.disputes.all()],
        }


def _known(values: Iterable[tuple[str, Any]]) -> Json:  # Any: JSON
    """Leave out what is empty, so that a new column changes no digest by itself."""
    return {
        name: value
        for name, value in values
        if name not in _NO_FACTS and value not in (None, "", [])
    }


def _digest(content: Json) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

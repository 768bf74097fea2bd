"""What a new pack would state of matches: digests of its facts, by topic."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from django.db import models
from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from base.accounts.reach import working_for
from base.audit.models import Event
from catalogue.models import Exclusion
from reports.choices import Mode
from reports.evidence.facts import (
    Json,
    decisions_json,
    dispute_json,
    exclusion_json,
    heard_of,
    left_out,
    licences_json,
    match_json,
    recording_json,
    settings_json,
    source_json,
)
from reports.extras import columns_about_files
from reports.layouts import kept_columns
from reports.rows import KeptRow
from reports.selectors import match_rows
from review import coverage
from review.coverage import LicencesInForce
from review.models import Dispute, Match
from review.selectors import cases_of_many, evidence_of
from review.subjects import Subject
from scanning.models import Detection
from statements.kinds import Fact

_LETTERS: Final = 16
"""So much of a digest tells two facts of one match apart."""
_NO_FACTS: Final = {
    # Looking at a match changes its state between two that wait, which the list of
    # decisions leaves out, and a note decides nothing. The address depends on the process.
    *("review_state", "state", "note", "notes", "case_url"),
    # Names go when a person is erased. Ids of a match all lead to it, and a scan that
    # finds the same says nothing new.
    *("decided_by", "by", "recorded_by", "answered_by"),
    *("match_id", "scan_id", "engine_version", "found_again_at", "read_at"),
}

_STATED_AS: Final = {"url": "submitted_link"}
"""Facts that earlier packs name otherwise. A new name alone makes no pack outdated."""


class Topic(models.TextChoices):
    """What a pack may state otherwise; the labels say so."""

    DECISION = "decision", _("The match was decided again, or for another reason.")
    SECONDS = "seconds", _("Other seconds of the recording count.")
    TITLE = "title", _("The recording has another title.")
    ARTISTS = "artists", _("The recording has other artists.")
    CODES = "codes", _("The recording has other codes, such as its ISRC.")
    RIGHTS = "rights", _("The recording has other writers, shares or territories.")
    RECORDING = "recording", _("Other details of the recording have changed.")
    FILE = "file", _("The details of the file or of its music have changed.")
    LICENCES = "licences", _("Other licences are for the recording, or cover the use.")
    EXCLUSIONS = "exclusions", _("Other parts of the recording are excluded.")
    DISPUTES = "disputes", _("A dispute was recorded, changed or answered.")
    SETTINGS = "settings", _("The container of the file has other settings.")
    FIGURES = "figures", _("Other figures of the match have changed, as its score.")


_TOPICS: Final = {
    name: topic
    for topic, names in {
        Topic.DECISION: (
            *("review_reason", "decision_reason", "queue_reason", "decider"),
            *("decided_at", "policy", "policy_action", "policy_name"),
            "version_choice",
        ),
        Topic.SECONDS: (
            *("segments", "segment_count", "segment_index", "segment_state"),
            *("matched_ms", "longest_ms", "longest_match_ms", "excluded_ms"),
            *("source_coverage_pct", "reference_coverage_pct", "exclusion_id"),
            *("first_start", "first_start_ms", "last_end", "last_end_ms"),
            *("source_start", "source_end", "reference_start", "reference_end"),
            *("length_ms", "counted_ms", "counted_parts"),
        ),
        Topic.TITLE: ("title", "version_title"),
        Topic.ARTISTS: ("artists", "artist_ids"),
        Topic.CODES: (
            *("isrc", "isrc_status", "iswc", "upc"),
            *("recording_id", "custom_id", "acr_id"),
        ),
        Topic.RIGHTS: ("writers", "publishers", "rights_share_pct", "territories"),
        Topic.RECORDING: ("album", "label", "release_date"),
        Topic.FILE: (
            *("source_type", "source_name", "source_url", "source_platform"),
            *("source_account", "source_external_id", "source_sha256"),
            *("source_duration_ms", "source_published_at", "source_territories"),
            *("programme", "series", "season", "episode", "episode_title", "tags"),
            *("use", "origin"),
        ),
        Topic.LICENCES: ("licence_id", "licence_valid_until"),
        Topic.DISPUTES: ("dispute_status", "dispute_due_at"),
    }.items()
    for name in names
}
"""The topics of columns and of facts about match and recording; of others, FIGURES,
and FILE for what packages above know of the file."""


def facts_today(matches: Iterable[int]) -> dict[int, Fact]:
    """Return what a pack of each match would state, by key, with a fixed number of queries.

    Parts of packages above are left out: they are about the decision, or made with the
    pack.
    """
    # Packs are built without access limits, and a digest has no reader's language.
    with working_for(None), override(None):
        rows = (
            Match.objects.filter(pk__in=list(matches))
            .select_related(
                *("recording__bucket", "recording__merged_into__bucket"),
                *("scanned_file__container", "scan", "licence"),
            )
            .prefetch_related(
                Prefetch("disputes", Dispute.objects.select_related("recorded_by", "answered_by"))
            )
        )
        batch = list(rows)
        read = _Around.of(batch)
        return {match.pk: read.fact_of(match) for match in batch}


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
        for exclusion in Exclusion.objects.filter(
            recording__in={match.recording_id for match in matches},
            approved=True,
            removed_at__isnull=True,
        ).order_by("start_ms", "pk"):
            exclusions[exclusion.recording_id].append(exclusion)
        events: dict[int, list[Event]] = defaultdict(list)
        of_case = cases_of_many(matches)
        for event in Event.objects.filter(case__in=of_case).order_by("at", "pk"):
            events[of_case[event.case]].append(event)
        tables = match_rows((match.pk for match in matches), None, without=left_out())
        return cls(tables, LicencesInForce(), exclusions, evidence_of(matches), events)

    def fact_of(self, match: Match) -> Fact:
        """Return what a pack states of a match."""
        return Fact(
            match=match.uid,
            recording=match.recording.uid,
            file=str(match.scanned_file.uid),
            start_ms=match.first_start_ms,
            end_ms=match.last_end_ms,
            state=match.state,
            cells=_digests(self._sections(match)),
        )

    def _sections(self, match: Match) -> Iterator[tuple[Topic, Json]]:
        """Yield the facts, with the topic of those that have none of their own."""
        names, of_segments = kept_columns(Mode.MATCH)
        cells, segments = self.tables[match.pk]
        heard = heard_of(match, self.evidence.get(match.pk, ()))
        checks = coverage.checks(subject=Subject.of(match), licences=self.licences)
        lists: dict[Topic, Iterable[Json]] = {
            Topic.FIGURES: (
                dict(zip(names, cells, strict=True)),
                *(dict(zip(of_segments, segment_cells, strict=True)) for segment_cells in segments),
                match_json(match),
            ),
            Topic.RECORDING: [recording_json(match, heard)],
            Topic.FILE: [source_json(match)],
            Topic.SETTINGS: [settings_json(match.scanned_file.container)],
            Topic.LICENCES: licences_json(match, checks),
            Topic.EXCLUSIONS: map(exclusion_json, self.exclusions.get(match.recording_id, ())),
            Topic.DECISION: decisions_json(self.events.get(match.pk, ())),
            Topic.DISPUTES: map(dispute_json, match.disputes.all()),
        }
        for topic, sections in lists.items():
            for section in sections:
                yield topic, section


def _digests(sections: Iterable[tuple[Topic, Json]]) -> dict[str, str]:
    """Return the digest of each topic.

    What is empty is left out, so that a new column changes no digest by itself.
    """
    by_topic: dict[Topic, list[object]] = defaultdict(list)
    no_facts = _NO_FACTS | left_out()
    topics = _TOPICS | dict.fromkeys(columns_about_files(), Topic.FILE)
    for topic, section in sections:
        for name, value in section.items():
            if name in no_facts or value in (None, "", []):
                continue
            is_mixed = topic in (Topic.FIGURES, Topic.RECORDING)
            own = topics.get(name, topic) if is_mixed else topic
            by_topic[own].append((_STATED_AS.get(name, name), value))
    return {
        topic.value: hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[
            :_LETTERS
        ]
        for topic, values in by_topic.items()
    }

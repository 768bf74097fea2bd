"""Admin screens of scans and detections, which never change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from base.common.reading import read_interval, read_number
from review import rule_names
from review.labels import reason_label
from review.models import Match
from scanning.models import Detection, Scan, Segment
from web.portal.admin.base import (
    ReadOnlyInline,
    RoleAdmin,
    all_field_names,
    badge,
    code,
    number,
    score,
)
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.shared import formats
from web.portal.shared.times import when


class DetectionInline(ReadOnlyInline):
    """The detections of a scan."""

    model = Detection
    readonly_fields = ("link", "section", "score", "score_scale")

    @admin.display(description=_("Recording"))
    def link(self, detection: Detection) -> SafeString:
        """Return a link to the detection."""
        url = reverse("admin:scanning_detection_change", args=[detection.pk])
        return format_html('<a href="{}">{}</a>', url, detection.recording)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Detection]:
        """Join the recordings."""
        detections: QuerySet[Detection] = super().get_queryset(request)
        return detections.select_related("recording")


@admin.register(Scan)
class ScanAdmin(RoleAdmin[Scan]):
    """Scans, read-only."""

    list_display = ["uid", "scanned_file", "engine", "status", "message", "started", "took"]
    list_filter = [
        "status",
        "engine",
        ("scanned_file__container", PickFilter),
        ("created_at", DaysFilter),
    ]
    search_fields = ["=uid", "scanned_file__name"]
    of_every_bucket = ("buckets", "unmatched")
    readonly_fields = (
        *all_field_names(Scan, but=["id", "engine", "engine_version", "error_code"]),
        "shown_engine",
        "shown_error",
    )
    inlines = [DetectionInline]

    @admin.display(description=_("Engine"))
    def shown_engine(self, scan: Scan) -> str:
        """Return the engine and its version."""
        return scan.engine_label

    @admin.display(description=_("Error code"), ordering="error_code")
    def shown_error(self, scan: Scan) -> SafeString:
        """Return the code of the error that stopped the scan."""
        return code(scan.error_code)

    @admin.display(description=_("Started"), ordering="started_at")
    def started(self, scan: Scan) -> SafeString:
        """Return when the scan started."""
        return when(scan.started_at)

    @admin.display(description=_("Took"))
    def took(self, scan: Scan) -> SafeString:
        """Return the duration of a finished scan in seconds."""
        if scan.started_at is None or scan.finished_at is None:
            return number(formats.UNKNOWN)
        # The clock may have been set back.
        seconds = max(0.0, (scan.finished_at - scan.started_at).total_seconds())
        return number(f"{read_number(seconds, decimals=1)} s")


class SegmentInline(ReadOnlyInline):
    """The segments of a detection."""

    model = Segment
    readonly_fields = (
        "source",
        "reference",
        "speed",
        "pitch",
        "score",
        "landmarks",
        "by_chance",
        "under_speech",
    )

    @admin.display(description=_("Source"))
    def source(self, segment: Segment) -> SafeString:
        """Return the interval in the file."""
        return _interval(segment.start_ms, segment.end_ms)

    @admin.display(description=_("Reference"))
    def reference(self, segment: Segment) -> SafeString:
        """Return the interval in the recording."""
        return _interval(segment.reference_start_ms, segment.reference_end_ms)

    @admin.display(description=_("Speed"))
    def speed(self, segment: Segment) -> str:
        """Return the tempo ratio."""
        ratio = segment.tempo_ratio
        return formats.UNKNOWN if ratio is None else formats.speed(float(ratio))

    @admin.display(description=_("Pitch"))
    def pitch(self, segment: Segment) -> str:
        """Return the difference in pitch."""
        shift = segment.pitch_cents
        return formats.UNKNOWN if shift is None else formats.cents(float(shift))

    @admin.display(description=_("Landmarks"))
    def landmarks(self, segment: Segment) -> str:
        """Return the number of landmarks that agree."""
        count = segment.aligned_landmarks
        return formats.UNKNOWN if count is None else read_number(count)

    @admin.display(description=_("By chance"))
    def by_chance(self, segment: Segment) -> str:
        """Return how many of them chance would explain."""
        expected = segment.expected_by_chance
        return formats.UNKNOWN if expected is None else read_number(float(expected), decimals=2)

    @admin.display(description=_("Under speech"))
    def under_speech(self, segment: Segment) -> str:
        """Return the share of it that lies under speech."""
        return formats.speech(segment.speech)


def _interval(start_ms: int, end_ms: int) -> SafeString:
    interval = read_interval(start_ms, end_ms, digits=3)
    return format_html('<span class="nowrap">{}</span>', interval)


class DetectionList(ChangeList):
    """The list of detections, with the match of each row."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the matches of all detections on the page with one query."""
        super().get_results(request)
        self.result_list = with_matches(self.result_list)


def with_matches(detections: Iterable[Detection]) -> list[Detection]:
    """Fill ``match`` of each detection; None where it is no match's evidence."""
    rows: list[Any] = list(detections)  # Any: each gets an attribute
    links = Match.detections.through.objects.filter(
        detection__in=[detection.pk for detection in rows]
    )
    match_of = dict(links.values_list("detection", "match"))
    matches = Match.objects.in_bulk(set(match_of.values()))
    for detection in rows:
        detection.match = matches.get(match_of.get(detection.pk))
    return rows


@admin.register(Detection)
class DetectionAdmin(RoleAdmin[Detection]):
    """Detections that engines reported, read-only."""

    list_display = ["recording", "scanned_file", "decision", "section", "shown_score", "found_at"]
    list_filter = [
        "created_at",
        "section",
        "scan__engine",
        ("scan__scanned_file__container", PickFilter),
    ]
    list_select_related = ["recording", "scan__scanned_file"]
    search_fields = ["recording__title", "scan__scanned_file__name", "=scan__uid"]
    readonly_fields = ["decision", *all_field_names(Detection, but=["id"])]
    inlines = [SegmentInline]

    def get_changelist(
        self,
        request: HttpRequest,
        **kwargs: Any,  # Any: Django's own signature
    ) -> type[ChangeList]:
        """Return the list class that reads matches."""
        return DetectionList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Detection | None:
        """Return the detection with its match."""
        detection = super().get_object(request, object_id, from_field)
        return None if detection is None else with_matches([detection])[0]

    @admin.display(description=_("File"), ordering="scan__scanned_file__name")
    def scanned_file(self, detection: Detection) -> SafeString:
        """Return the name of the scanned file, as a link to it."""
        file = detection.scan.scanned_file
        url = reverse("admin:scanning_scannedfile_change", args=[file.pk])
        return format_html('<a href="{}">{}</a>', url, file.name)

    @admin.display(description=_("Match, decision"))
    def decision(self, detection: Any) -> SafeString:  # Any: ``with_matches`` filled it
        """Return the state of the match, as a link to it, and who decided it and why."""
        match: Match | None = detection.match
        if match is None:
            return SafeString(formats.UNKNOWN)
        why = (reason_label(match.decision_reason), rule_names.actor_label(match.decided_by_name))
        return format_html(
            '<a href="{}">{}</a><span class="cell-sub">{}</span>',
            reverse("admin:review_match_change", args=[match.pk]),
            badge(match.state),
            " · ".join(filter(None, why)) if match.is_decided else "",
        )

    @admin.display(description=_("Score"), ordering="score")
    def shown_score(self, detection: Detection) -> SafeString:
        """Return the score with its scale."""
        return score(detection.score, detection.score_scale)

    @admin.display(description=_("Found"), ordering="created_at")
    def found_at(self, detection: Detection) -> SafeString:
        """Return when the detection was stored."""
        return when(detection.created_at)

"""The lists of a file's page: its segments, its engines side by side, other results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.jobs.choices import JobState
from base.jobs.selectors import jobs_of
from catalogue.models import Recording
from review.choices import WAITING_STATES
from review.counting import CountedSegment
from review.models import Match
from scanning import selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, ScanStatus
from scanning.cloud_jobs import CLOUD_SCAN
from scanning.comparison import Difference, differences, found_by_engine
from scanning.models import AudioBecause, CloudJob, Scan, ScannedFile, SentAs
from scanning.progress import percent_of_running_scan, progress_of
from web.portal.shared.selectors import count_per_row, shown_matches


def with_counts(files: QuerySet[ScannedFile]) -> QuerySet[ScannedFile]:
    """Annotate each file with its match counts and how far its scan is.

    Subqueries instead of joins count only the rows of one page.
    """
    waiting = Match.objects.filter(state__in=WAITING_STATES)
    return files.annotate(
        match_count=count_per_row(shown_matches(), "scanned_file"),
        waiting_count=count_per_row(waiting, "scanned_file"),
        progress=Subquery(percent_of_running_scan()),
    )


Row = dict[str, Any]
"""A row of a table for a template. Any: values of several types."""


def segment_rows(matches: Iterable[Match]) -> list[tuple[Recording, CountedSegment]]:
    """Return the segments of all matches in the order of the file, with their recordings."""
    rows = [(match.shown, counted) for match in matches for counted in match.tally.segments]
    return sorted(rows, key=lambda row: (row[1].start_ms, row[1].segment.pk))


def lane_names(matches: Iterable[Match]) -> str:
    """Return the name of each lane of the ribbon, also of those that it does not draw, as JSON."""
    return json.dumps([match.shown.full_title for match in matches], ensure_ascii=False)


def segment_times(matches: Iterable[Match]) -> str:
    """Return every segment in the order of the file, as ``start end lane`` in ms.

    The lane counts from 0 as in the ribbon: a lane per match. The page draws a part of the
    segments, and its player steps through all.
    """
    times = [
        (counted.start_ms, counted.segment.pk, counted.end_ms, lane)
        for lane, match in enumerate(matches)
        for counted in match.tally.segments
    ]
    return ",".join(f"{start} {end} {lane}" for start, _pk, end, lane in sorted(times))


_TITLES: dict[str, str | Promise] = {
    "music_speech": lazy("Music and speech"),
    "ai_detection": lazy("AI music – advice only"),
    "speech": lazy("Speech to text"),
    "humming": lazy("Humming"),
}
_VALUES: dict[tuple[str, str], str | Promise] = {
    ("label", "m"): lazy("music"),
    ("label", "s"): lazy("speech"),
}
_SHOWN_ROWS = 20
_TEXT_CHARS = 200

# Any: JSON from another service, checked value by value.
Json = dict[str, Any]


def other_sections(scan: Scan) -> list[Row]:
    """Return the sections of a scan's answer that name no recording."""
    sections = []
    for name, content in sorted(scan.other_sections.items()):
        entries = content if isinstance(content, list) else [content]
        sections.append(
            {
                "name": name,
                "title": _TITLES.get(name, name.replace("_", " ").capitalize()),
                "rows": [_section_row(entry) for entry in entries[:_SHOWN_ROWS]],
                "unlisted": max(0, len(entries) - _SHOWN_ROWS),
            }
        )
    return sections


def _section_row(entry: object) -> Row:
    if not isinstance(entry, Mapping):
        return {"start_ms": None, "end_ms": None, "words": [("", _text(entry))]}
    start = _seconds(entry.get("start", entry.get("offset")))
    end = _seconds(entry.get("end"))
    length = _seconds(entry.get("played_duration"))
    if end is None and start is not None and length is not None:
        end = start + length
    times = {"start", "end", "offset", "played_duration"} if start is not None else set()
    words = [
        (str(key).replace("_", " "), _VALUES.get((key, str(value)), _text(value)))
        for key, value in entry.items()
        if key not in times and value not in (None, "", [], {})
    ]
    return {"start_ms": start, "end_ms": end, "words": words}


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(1000 * value) if 0 <= value < 1e8 else None


def _text(value: object) -> str:
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return plain if len(plain) <= _TEXT_CHARS else f"{plain[:_TEXT_CHARS]}…"


@dataclass(frozen=True, slots=True)
class EngineComparison:
    """The engines of one file as its page shows them; ``agreed`` counts recordings."""

    rows: Sequence[Row]
    agreed: int = 0
    differences: Sequence[Difference] = ()
    compared: bool = False
    sections: Sequence[Row] = ()


def _what_was_sent(job: CloudJob) -> str:
    """Return what left the portal, and why it was audio; nothing before it is sent."""
    if job.sent_as in (SentAs.NOTHING, SentAs.CALLED_BACK):
        return ""
    sent = _("Sent: %(form)s") % {"form": job.get_sent_as_display()}
    if job.audio_because == AudioBecause.UNASKED:
        return sent
    return f"{sent}. {job.get_audio_because_display()}"


def compare(file: ScannedFile) -> EngineComparison | None:
    """Return the comparison; None without scans or if only the embedded engine scans."""
    scans = selectors.current_scans(file)
    engine = file.engine
    if engine == EngineChoice.EMBEDDED or not scans:
        return None
    detections = found_by_engine(file, scans)
    jobs = {job.scan_id: job for job in CloudJob.objects.filter(scan__in=scans)}
    progress = progress_of(scans)
    waiting = jobs_of(CLOUD_SCAN, scans, [JobState.WAITING])
    rows = []
    for scan in scans:
        job, next_step = jobs.get(scan.pk), waiting.get(scan.pk)
        active = scan.status in ACTIVE_SCAN_STATUSES
        state = progress[scan.pk].stage
        if active and job is not None and scan.status == ScanStatus.QUEUED:
            state = _("Waiting to be sent")
        message = job.said if job is not None and active else ""
        rows.append(
            {
                "label": scan.get_engine_display(),
                "scan": scan,
                "state": state,
                "recordings": len(detections[scan.engine]),
                "message": message or scan.message,
                "due_at": next_step.run_after if next_step is not None else None,
                "sent": _what_was_sent(job) if job is not None else "",
            }
        )
    sections = [section for scan in scans for section in other_sections(scan)]
    disagreements = differences(file)
    if disagreements is None:
        return EngineComparison(rows, sections=sections)
    ours, theirs = (set(recordings) for recordings in detections.values())
    return EngineComparison(
        rows, len(ours & theirs), disagreements, compared=True, sections=sections
    )

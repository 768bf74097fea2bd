"""Compares the seconds of matches in all places that state them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.choices import Mode
from reports.cue_sheets import UNKNOWN_MS, NotScanned, cue_sheet
from reports.cues import Cue, CueStatus
from reports.layouts import kept_columns
from reports.models import EditKind, EntryKind
from reports.selectors import rows, selected
from review.intervals import length, without
from review.models import Match
from review.selectors import with_segments
from review.timeline import Kind, Timeline, timeline
from review.timeline.division import MATCHED
from review.timeline.figures import differing, matched_shares
from scanning.models import ScannedFile
from web.portal.files.page import segment_rows
from web.portal.pictures.file import draw_coverage


def places_of(match: Match) -> dict[str, int]:
    """Return the counted milliseconds of a match by the place that states them."""
    [match] = with_segments([match])
    ((cells, segments),) = rows(
        chosen=selected(matches=Match.objects.filter(pk=match.pk)), mode=Mode.MATCH
    )
    of_match, of_segments = kept_columns(Mode.MATCH)
    row = dict(zip(of_match, cells, strict=True))
    counted = [
        int(str(dict(zip(of_segments, segment, strict=True))["counted_ms"])) for segment in segments
    ]
    listing = segment_rows([match])
    return {
        "match": match.matched_ms,
        "page": sum(counted.counted_ms for _recording, counted in listing),
        "report by match": int(str(row["matched_ms"])),
        "parts by match": _length_of(row["counted_parts"]),
        "report by segment": sum(counted),
    }


def _length_of(parts: object) -> int:
    assert isinstance(parts, list)
    return sum(_ms(end) - _ms(start) for start, end in (part.split("-") for part in parts))


def _ms(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return round(1000 * (3600 * int(hours) + 60 * int(minutes) + float(seconds)))


def differing_seconds(file: ScannedFile) -> Iterator[str]:
    """Yield each place of a file that counts other seconds than the matches have."""
    line = timeline(file)
    matches = line.matches
    for match in matches:
        places = places_of(match)
        if len(set(places.values())) > 1:
            yield f"{match.case} counts {places}"
    yield from _missing_time(file, line)
    yield from (differing for _file, differing in differing([file.pk]))
    heard = [match for match in matches if match.is_heard]
    counted = length(part for match in heard for part in match.tally.counted)
    coverage = draw_coverage(file, line)
    summary = {"matches": counted, "timeline": line.matched_ms}
    if coverage is not None:
        summary["coverage"] = coverage.matched_ms
    if len(set(summary.values())) > 1:
        yield f"file {file.uid} counts {summary}"
    try:
        sheet = cue_sheet(file=file)
    except NotScanned:
        return
    is_merged = file.sheet_edits.filter(kind=EditKind.MERGE).exists()
    for match in heard:
        cues = [cue for cue in sheet.cues if cue.match == match]
        on_sheet = sum(cue.length_ms for cue in cues if cue.status != CueStatus.EXCLUDED)
        if is_merged:
            on_sheet = _merged_ms(sheet.cues, match)
        least, most = _listed_ms(sheet.cues, match)
        if not least <= on_sheet <= most:
            yield f"{match.case} counts {match.matched_ms}, its cues {on_sheet}"
        left_out = sum(cue.length_ms for cue in cues if cue.status == CueStatus.EXCLUDED)
        if left_out != match.excluded_ms:
            yield f"{match.case} excludes {match.excluded_ms}, its cues {left_out}"


def _listed_ms(cues: Sequence[Cue], match: Match) -> tuple[int, int]:
    """Return how much of a match its cues list, at least and at most.

    Until its question is answered, the sheet shows the entry, and no shorter piece than
    unknown sound beside it.
    """
    entries = [
        question.entry.interval
        for cue in cues
        for question in cue.questions
        if question.match == match and question.entry.kind != EntryKind.NO_MUSIC
    ]
    if not entries:
        return match.matched_ms, match.matched_ms
    beside = without(match.tally.counted, entries)
    long = [part for part in beside if part[1] - part[0] >= UNKNOWN_MS]
    return length(long), length(beside)


def _merged_ms(cues: Sequence[Cue], match: Match) -> int:
    """Return how much of a match the cues of its recording count.

    Merges give them unknown sound, and intervals of other matches of the recording.
    """
    counted = [
        part
        for cue in cues
        if cue.recording == match.recording and cue.status != CueStatus.EXCLUDED
        for part in cue.counted
    ]
    return length(without(counted, without(counted, match.tally.counted)))


def _missing_time(file: ScannedFile, line: Timeline) -> Iterator[str]:
    """Yield what a timeline does not say of a file, to the millisecond."""
    if sum(line.by_kind.values()) != line.length_ms:
        yield f"the intervals of {file.uid} are not {line.length_ms} ms together"
    if file.length_ms not in (0, line.length_ms):
        yield f"the intervals of {file.uid} end at {line.length_ms} ms"
    if line.length_ms and line.pct(*Kind) != 100:
        yield f"the shares of {file.uid} are {line.pct(*Kind)} % together"
    matched_share = matched_shares([file]).get(file.pk)
    if file.length_ms and line.matches and matched_share != line.pct(*MATCHED):
        yield f"the list shows {matched_share} % of {file.uid}, its page {line.pct(*MATCHED)} %"

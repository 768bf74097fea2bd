"""The cue sheet of a file as PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils.translation import override

from base.common.reading import rounded_length
from reports.cells import clock
from reports.cue_sheets import UNKNOWN_MS, CueSheet
from reports.cues import Cue, CueStatus
from reports.extras import heads
from reports.pdf import INK, LINE, QUIET, Pages
from review.programmes.models import Episode
from review.programmes.selectors import episode_of
from review.timeline import Kind

_COLUMNS = (
    ("#", 9),
    ("Title", 50),
    ("Writers", 32),
    ("Publishers", 30),
    ("Performers", 30),
    ("ISRC, ISWC", 27),
    ("Use", 20),
    ("Origin", 18),
    ("In", 17),
    ("Out", 17),
    ("Length", 15),
)
_NO_MUSIC = "No music was found in this file."
_LABELS: Mapping[str, str] = {
    CueStatus.EXCLUDED: "Excluded, not counted",
    CueStatus.SUPPRESSED: "Suppressed match",
    CueStatus.NOT_SCANNED: "Not scanned",
    CueStatus.NOT_DECODED: "Not decoded",
}
_ROW_MM, _HEAD_MM, _FOOT_MM = 9.5, 36, 16


def pdf_of(sheet: CueSheet, status: str) -> bytes:
    """Return the sheet as PDF; each page says its status, such as who approved it."""
    file = sheet.file
    pages = Pages(title=f"Cue sheet: {file.name}", made_at=file.updated_at, wide=True)
    episode = episode_of(file)
    facts = [status, *_facts(sheet, episode)]
    per_page = int((pages.h - _HEAD_MM - _FOOT_MM - 8) // _ROW_MM)
    chunks = [sheet.cues[at : at + per_page] for at in range(0, len(sheet.cues), per_page)] or [[]]
    for number, chunk in enumerate(chunks, start=1):
        pages.add_page()
        _head(pages, _title(sheet, episode), facts)
        _row(pages, [(name, "") for name, _ in _COLUMNS], height=6, bold=True)
        if not chunk:
            pages.ln(4)
            pages.write_text(_nothing_listed(sheet), most_lines=1)
        for cue in chunk:
            _row(pages, _cells(cue), height=_ROW_MM)
        pages.set_xy(pages.l_margin, pages.h - 11)
        pages.write_text(
            f"{settings.ACRPORTAL_SITE_NAME} · {file.uid} · page {number} of "
            f"{len(chunks)} · In and Out count from the start of the file · featured and "
            "background are estimates: background if most of the cue is under speech",
            size=7,
            colour=QUIET,
            most_lines=1,
        )
    return pages.as_bytes()


def _head(pages: Pages, title: str, facts: Sequence[str]) -> None:
    pages.set_xy(pages.l_margin, 12)
    pages.write_text(f"Cue sheet: {title}", size=14, bold=True, most_lines=1)
    status, *about = facts
    pages.write_text(status, size=8, bold=True, most_lines=1)
    for line in about:
        pages.write_text(line, size=8, colour=QUIET, most_lines=1)
    pages.set_xy(pages.l_margin, _HEAD_MM)


def _title(sheet: CueSheet, episode: Episode | None) -> str:
    if episode is None or not (episode.series or episode.title):
        return sheet.file.programme or sheet.file.name
    return ": ".join(filter(None, [episode.series, episode.title]))


def _facts(sheet: CueSheet, episode: Episode | None) -> list[str]:
    """Return the lines about programme and file, at most two."""
    file = sheet.file
    programme: list[str] = []
    if episode is not None:
        programme = [
            f"season {episode.season}" if episode.season else "",
            f"episode {episode.number}" if episode.number else "",
            episode.production_company,
            f"ISAN {episode.isan}" if episode.isan else "",
        ]
    programme += [say(file) for say in heads]
    cues = f"{len(sheet.cues)} {'cue' if len(sheet.cues) == 1 else 'cues'}"
    if sheet.unknown:
        cues += f", {sheet.unknown} without a recording"
    counted = [f"file {file.name}", file.external_id, _length_of_file(sheet), cues]
    lines = (" · ".join(filter(None, parts)) for parts in (programme, counted))
    return [line for line in lines if line]


def _length_of_file(sheet: CueSheet) -> str:
    """Return the file's length, or up to where a sheet without it can say anything."""
    described = clock(sheet.timeline.length_ms)
    if sheet.file.length_ms:
        return f"length {described}"
    return f"length unknown, nothing is known after {described}"


def _nothing_listed(sheet: CueSheet) -> str:
    """Return what a sheet without cues says, and what it cannot say."""
    line = sheet.timeline
    doubtful = (
        ("an estimate takes %s for speech", (Kind.SPEECH,)),
        ("nothing is known of %s", (Kind.UNDESCRIBED,)),
    )
    parts = [
        text % clock(line.ms(*kinds)) for text, kinds in doubtful if line.ms(*kinds) >= UNKNOWN_MS
    ]
    return f"No music is listed; {' and '.join(parts)}." if parts else _NO_MUSIC


def _cells(cue: Cue) -> list[tuple[str, str]]:
    """Return two lines per column."""
    recording = cue.recording
    times = [(clock(cue.start_ms), ""), (clock(cue.end_ms), "")]
    status = "not counted" if cue.status == CueStatus.EXCLUDED else cue.status
    with override("en"):
        use_label = cue.use_label or (cue.usage.value if cue.usage else "")
        origin = (cue.origin_label, "")
    use = (use_label, status.replace("_", " "))
    # The length lies between the printed ends, without pauses.
    last = [use, origin, *times, (clock(rounded_length(cue.counted)), "")]
    entry = cue.entry
    if entry is not None and entry.title:
        return [
            (str(cue.number), ""),
            (entry.title, ""),
            (", ".join(entry.writers), ""),
            (", ".join(entry.publishers), ""),
            (", ".join(entry.performers), ""),
            (entry.isrc, ""),
            *last,
        ]
    if recording is None:
        item = cue.item.label or cue.item.uid if cue.item else ""
        label = _LABELS.get(cue.status, "Unknown music")
        return [(str(cue.number), ""), (label, item), *[("", "")] * 4, *last]
    share = recording.owner_share_pct
    return [
        (str(cue.number), ""),
        (recording.title, recording.version or recording.label),
        (", ".join(recording.writers), ""),
        (", ".join(recording.publishers), f"{share} %" if share is not None else ""),
        (recording.artist_names, ""),
        (recording.isrc_normalised or recording.isrc, recording.iswc),
        *last,
    ]


def _row(
    pages: Pages, cells: Sequence[tuple[str, str]], *, height: float, bold: bool = False
) -> None:
    top, x = pages.y, pages.l_margin
    for (first, second), (_, width) in zip(cells, _COLUMNS, strict=True):
        pages.set_xy(x, top + 1)
        colour = QUIET if bold else INK
        pages.write_text(
            first,
            size=7.5,
            bold=bold,
            colour=colour,
            width=width - 2,
            most_lines=1 if second else 2,
        )
        if second:
            pages.write_text(second, size=6.5, colour=QUIET, width=width - 2, most_lines=1)
        x += width
    pages.set_xy(pages.l_margin, top + height)
    pages.set_draw_color(*LINE)
    pages.line(pages.l_margin, pages.y, pages.l_margin + pages.epw, pages.y)

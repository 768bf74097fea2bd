"""The summary of a pack: two pages for lawyers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from reports.cells import offset
from reports.evidence import explanations
from reports.evidence.drawings import OTHER_STATE, STATE_COLOURS, WIDTH, Picture
from reports.evidence.facts import CaseFacts
from reports.pdf import FAMILY, INK, LINE, QUIET, Pages

SEGMENT_ROWS = 9
DECISION_ROWS = 5
GAP_ROWS = 3
_COLUMNS = (8, 45, 45, 18, 18, 14, 16, 14)
_FOOT_MM = 18


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture with its PNG."""

    picture: Picture
    png: bytes


def summary_pdf(
    facts: CaseFacts, pictures: Sequence[Drawn], gaps: Sequence[str], key_id: str
) -> bytes:
    """Return the document; ``gaps`` lists parts that the pack lacks."""
    by_name = {drawn.picture.name: drawn for drawn in pictures}
    pages = Pages(
        title=_("Evidence: %(match)s") % {"match": facts.match.uid}, made_at=facts.as_of.at
    )
    pages.add_page()
    _head(pages, facts)
    _draw_findings(pages, facts)
    _two_sides(pages, facts)
    for name in ("ribbon", "waveform"):
        if name in by_name:
            _draw(pages, by_name[name])
    _foot(pages, facts, 1)
    pages.add_page()
    _segments(pages, facts)
    _decided(pages, facts)
    _checking(pages, facts, gaps, key_id)
    spectra = [drawn for name, drawn in by_name.items() if name.startswith("spec")]
    for picture in [by_name["alignment"], *spectra[:1]]:
        _draw(pages, picture)
    _foot(pages, facts, 2)
    return pages.as_bytes()


def _head(pages: Pages, facts: CaseFacts) -> None:
    match, recording = facts.match, facts.recording
    pages.write_text(
        f"{settings.ACRPORTAL_SITE_NAME} · " + _("Evidence summary"),
        size=8,
        colour=QUIET,
        most_lines=1,
    )
    pages.ln(2)
    pages.write_text(recording.full_title, size=16, bold=True, most_lines=2)
    if recording.artists:
        pages.write_text(
            _("by %(artists)s") % {"artists": recording.artist_names}, size=10, most_lines=1
        )
    pages.write_text(_("found in %(file)s") % {"file": facts.file.name}, size=10, most_lines=2)
    pages.ln(2.5)
    colour = STATE_COLOURS.get(match.state, OTHER_STATE).removeprefix("#")
    pages.set_fill_color(*bytes.fromhex(colour))
    label = match.get_state_display()
    pages.set_font(FAMILY, "B", 9)
    pages.set_text_color(255, 255, 255)
    width = pages.get_string_width(label) + 6
    top = pages.y
    pages.cell(width, 6, label, align="C", fill=True)
    pages.set_xy(pages.l_margin + width + 3, top + 0.9)
    pages.write_text(explanations.decision(facts), most_lines=2)
    pages.set_xy(pages.l_margin, max(pages.y, top + 6) + 3)


def _draw_findings(pages: Pages, facts: CaseFacts) -> None:
    _heading(pages, _("What was found, and what it means"))
    for sentence in explanations.sentences(facts):
        top = pages.y
        pages.write_text("•", width=4, most_lines=1)
        pages.set_xy(pages.l_margin + 4, top)
        pages.write_text(sentence, most_lines=3)
        pages.set_x(pages.l_margin)
        pages.ln(0.8)
    pages.write_text(explanations.licences(facts), most_lines=2)
    pages.ln(3)


def _two_sides(pages: Pages, facts: CaseFacts) -> None:
    top, half = pages.y, pages.epw / 2
    ends = []
    for x, title, rows in (
        (pages.l_margin, _("The recording"), explanations.of_recording(facts)),
        (pages.l_margin + half + 3, _("The file"), explanations.of_file(facts)),
    ):
        pages.set_xy(x, top)
        _heading(pages, title, width=half - 3)
        for name, value in rows:
            _pair(pages, x, half - 3, name, value)
        ends.append(pages.y)
    pages.set_xy(pages.l_margin, max(ends) + 3)


def _pair(pages: Pages, x: float, width: float, name: str, value: str) -> None:
    top = pages.y
    pages.set_x(x)
    pages.write_text(name, size=8, colour=QUIET, width=22, most_lines=1)
    pages.set_xy(x + 23, top)
    pages.write_text(value, size=8, width=width - 23, most_lines=2)


def _draw(pages: Pages, drawn: Drawn) -> None:
    """Draw a picture below its title if it fits on the page."""
    height = pages.epw * drawn.picture.height / WIDTH
    if pages.y + height > pages.h - _FOOT_MM:
        return
    pages.write_text(drawn.picture.title, size=8, bold=True, most_lines=1)
    pages.image(
        io.BytesIO(drawn.png), x=pages.l_margin, w=pages.epw, h=height, alt_text=drawn.picture.text
    )
    pages.ln(2)


def _segments(pages: Pages, facts: CaseFacts) -> None:
    _heading(pages, _("Segments"))
    names: tuple[str, ...] = ("#", _("In the file"), _("In the recording"), _("Length"))
    names += (_("Counted"), _("Speed"), _("Pitch"), _("Score"))
    _row(pages, names, bold=True)
    numbered = facts.count.segments
    for counted in numbered[:SEGMENT_ROWS]:
        segment = counted.segment
        tempo, cents, score = segment.tempo_ratio, segment.pitch_cents, segment.score
        _row(
            pages,
            (
                str(counted.number),
                f"{offset(segment.start_ms)} – {offset(segment.end_ms)}",
                f"{offset(segment.reference_start_ms)} – {offset(segment.reference_end_ms)}",
                f"{counted.length_ms / 1000:.3f} s",
                f"{counted.counted_ms / 1000:.3f} s",
                "" if tempo is None else f"{tempo:.3f}×",
                "" if cents is None else f"{cents:+.0f} ct",
                "" if score is None else f"{score:.1f}",
            ),
        )
    unlisted = len(numbered) - SEGMENT_ROWS
    if unlisted > 0:
        text = _("segments.csv lists %(count)s more.") % {"count": unlisted}
        pages.write_text(text, size=8, colour=QUIET)
    pages.ln(3)


def _row(pages: Pages, cells: Sequence[str], *, bold: bool = False) -> None:
    pages.set_font(FAMILY, "B" if bold else "", 7.5)
    pages.set_text_color(*(QUIET if bold else INK))
    for index, (text, width) in enumerate(zip(cells, _COLUMNS, strict=True)):
        pages.cell(width, 4.6, text, align="R" if index > 2 else "L")
    pages.ln(4.6)
    pages.set_draw_color(*LINE)
    pages.line(pages.l_margin, pages.y, pages.l_margin + sum(_COLUMNS), pages.y)


def _decided(pages: Pages, facts: CaseFacts) -> None:
    _heading(pages, _("Decisions"))
    decided = explanations.decisions(facts)
    if len(decided) > DECISION_ROWS:
        text = _("The last %(shown)s of %(all)s; audit.jsonl contains all of them.")
        values = {"shown": DECISION_ROWS, "all": len(decided)}
        pages.write_text(text % values, size=8, colour=QUIET, most_lines=1)
    for event in decided[-DECISION_ROWS:]:
        change = f" ({event['change']})" if event["change"] else ""
        parts = [f"{event['at']} UTC", f"{event['by']} {event['done']}{change}"]
        parts.append(event["why"])
        pages.write_text(" · ".join(filter(None, parts)), size=8, most_lines=1)
    for dispute in explanations.disputes(facts)[-2:]:
        by = dispute["recorded_by"]
        parts = [
            dispute["received"],
            _("Dispute: %(what)s") % {"what": dispute["title"]},
            _("recorded by %(who)s") % {"who": by} if by else "",
            dispute["statement"],
        ]
        pages.write_text(" · ".join(filter(None, parts)), size=8, most_lines=2)
    pages.ln(3)


def _checking(pages: Pages, facts: CaseFacts, gaps: Sequence[str], key_id: str) -> None:
    _heading(pages, _("How to verify this pack"))
    pages.write_text(
        _(
            "Every file is listed in manifest.json with its SHA-256; the manifest is "
            "signed in manifest.sig. README.txt explains how to verify both with sha256sum "
            "and openssl. Compare the key below with the one that the operator gives "
            "you through another channel."
        ),
        size=8,
    )
    last = facts.as_of
    for name, value in (
        (_("Signing key"), key_id),
        (_("As of"), f"{last.at:%Y-%m-%d %H:%M:%S} UTC, event {last.sequence}"),
        (_("Event hash"), last.hash),
    ):
        _pair(pages, pages.l_margin, pages.epw, name, value)
    for gap in gaps[:GAP_ROWS]:
        pages.set_x(pages.l_margin)
        pages.write_text(gap, size=8, colour=QUIET, most_lines=1)
    pages.set_x(pages.l_margin)
    pages.ln(3)


def _heading(pages: Pages, text: str, *, width: float = 0) -> None:
    pages.write_text(text, size=10, bold=True, width=width, most_lines=1)
    # ``ln`` returns to the left margin; columns set their own x for each line.
    pages.ln(0.6)


def _foot(pages: Pages, facts: CaseFacts, number: int) -> None:
    pages.set_xy(pages.l_margin, pages.h - 12)
    pages.rule()
    pages.ln(1)
    text = f"{facts.match.uid} · " + _("page %(number)s of 2") % {"number": number}
    pages.write_text(text, size=7, colour=QUIET, most_lines=1)

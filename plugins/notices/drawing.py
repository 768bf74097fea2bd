"""Draws a notice as PDF: as many pages as the text needs, nothing cut."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from plugins.notices.notice_text import Content, blocks_of, head_of, title_of
from reports.pdf import INK, QUIET, Pages

_FOOT_MM = 20
_TOP_MM = 16


def pdf_of(content: Content, *, made_at: datetime) -> bytes:
    """Return the notice as PDF; the same content and time give the same bytes."""
    number = content["number"]
    pages = Pages(title=f"{title_of(content)} {number}".strip(), made_at=made_at)
    _begin(pages)
    pages.write_text(title_of(content), size=16, bold=True, most_lines=2)
    for line in filter(None, head_of(content)):
        _lines(pages, line, size=9.5, colour=QUIET)
    for block in blocks_of(content):
        pages.ln(3)
        # A heading stays with at least two lines of its text.
        _room(pages, 18)
        pages.write_text(block.heading, size=10.5, bold=True, most_lines=2)
        pages.ln(0.8)
        for paragraph in block.paragraphs:
            _lines(pages, paragraph)
            pages.ln(0.8)
    last = pages.page
    for page in range(1, last + 1):
        pages.page = page
        pages.set_xy(pages.l_margin, pages.h - 13)
        pages.write_text(
            f"{settings.ACRPORTAL_SITE_NAME} · {number} · page {page} of {last}",
            size=7.5,
            colour=QUIET,
            most_lines=1,
        )
    pages.page = last
    return pages.as_bytes()


def _begin(pages: Pages) -> None:
    pages.add_page()
    pages.set_xy(pages.l_margin, _TOP_MM)


def _room(pages: Pages, height: float) -> None:
    """Begin a new page unless this much is left on the present one."""
    if pages.y + height > pages.h - _FOOT_MM:
        _begin(pages)


def _lines(
    pages: Pages, text: str, *, size: float = 9.5, colour: tuple[int, int, int] = INK
) -> None:
    for line in pages.wrapped(text, size=size):
        _room(pages, 6)
        pages.write_text(line, size=size, colour=colour, most_lines=1)

"""PDF pages with bundled fonts: any script, and reproducible bytes."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import cast

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TextEmphasis, XPos, YPos

FONTS = Path(__file__).resolve().parent / "fonts"
FAMILY, FALLBACK = "DejaVu", "Droid"
INK, QUIET, LINE = (25, 28, 36), (98, 106, 124), (220, 223, 230)
_FILES = {
    (FAMILY, ""): "DejaVuSans.ttf",
    (FAMILY, "B"): "DejaVuSans-Bold.ttf",
    (FALLBACK, ""): "DroidSansFallback.ttf",
}
_LINE_HEIGHT = 1.38
_POINT_MM = 25.4 / 72


class Pages(FPDF):
    """A4 pages with a manual layout: text never breaks to a new page by itself."""

    def __init__(self, *, title: str, made_at: datetime, wide: bool = False) -> None:
        super().__init__(orientation="L" if wide else "P", format="A4")
        self.set_title(fit_text(title))
        # Not the current time: the same content must give the same bytes.
        self.set_creation_date(made_at)
        self.set_producer("acrportal")
        self.set_lang("en")
        self.set_margin(16)
        self.set_auto_page_break(False)
        # Right-to-left and Indic scripts need shaping.
        self.set_text_shaping(True)
        self.c_margin = 0

    def set_font(
        self, family: str | None = None, style: str | TextEmphasis = "", size: float = 0
    ) -> None:
        """Use a font, and read its file if it is the first text in it.

        Reading all three takes longer than writing a page, and few pages need all.
        """
        letters = style.style if isinstance(style, TextEmphasis) else style
        bold = "B" if "B" in letters else ""
        if family and f"{family.lower()}{bold}" not in self.fonts:
            self.add_font(family, bold, FONTS / _FILES[family, bold])
        super().set_font(family, style, size)

    def get_fallback_font(self, char: str, style: str = "") -> str | None:
        """Return the font for a character that the font of the text lacks."""
        if not self._fallback_font_ids:
            self.add_font(FALLBACK, "", FONTS / _FILES[FALLBACK, ""])
            self.set_fallback_fonts([FALLBACK], exact_match=False)
        return super().get_fallback_font(char, style)

    def write_text(
        self,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        colour: tuple[int, int, int] = INK,
        width: float = 0,
        most_lines: int = 3,
    ) -> None:
        """Write a paragraph at the cursor and move below it.

        ``width`` 0 uses the rest of the line. Text beyond ``most_lines`` ends in an
        ellipsis.
        """
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)
        margin, room = self.x, width or self.w - self.r_margin - self.x
        for line in self._fitted(fit_text(text), room, most_lines):
            self.set_x(margin)
            self.cell(room, size * _POINT_MM * _LINE_HEIGHT, line, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def _fitted(self, text: str, room: float, most: int) -> list[str]:
        # More text than this cannot be visible, and laying it out would be slow.
        text = text[: 400 * most]
        lines = self._laid_out(text, room)
        if len(lines) <= most:
            return lines
        visible = lines[:most]
        last = visible[-1].rstrip()
        while last and self.get_string_width(f"{last}…") > room:
            last = last[:-1]
        return [*visible[:-1], f"{last}…"]

    def wrapped(self, text: str, *, size: float = 9, bold: bool = False) -> list[str]:
        """Return a paragraph as the lines that fit the page's width, none left out."""
        self.set_font(FAMILY, "B" if bold else "", size)
        return self._laid_out(fit_text(text), self.epw)

    def _laid_out(self, text: str, room: float) -> list[str]:
        laid_out = self.multi_cell(room, None, text, dry_run=True, output=MethodReturnValue.LINES)
        return cast("list[str]", laid_out)

    def rule(self) -> None:
        """Draw a thin line across the page at the cursor."""
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.y, self.w - self.r_margin, self.y)

    def as_bytes(self) -> bytes:
        """Return the document."""
        return bytes(self.output())


def fit_text(text: str) -> str:
    """Return the text on one line, with only characters that the fonts contain.

    Other characters become their code, such as [U+1F525]. Invisible marks that only
    control direction or joining are dropped.
    """
    drawable = _known_characters()
    parts = []
    for character in " ".join(text.split()):
        if ord(character) in drawable:
            parts.append(character)
        elif character not in _INVISIBLE and character.isprintable():
            parts.append(f"[U+{ord(character):04X}]")
    return "".join(parts)


# Joiners, direction marks and emoji variation selectors.
_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff")


@cache
def _known_characters() -> frozenset[int]:
    """Return all code points that the fonts contain."""
    characters: set[int] = set()
    for name in set(_FILES.values()):
        with TTFont(FONTS / name, lazy=True) as font:
            characters |= set(font.getBestCmap())
    return frozenset(characters)

"""What the evidence pack of a match says of its letters."""

from __future__ import annotations

from plugins.letters.models import Letter
from reports.evidence.parts import PackPart, Row
from review.models import Match


def _letters_about(match: Match) -> list[Row]:
    letters = Letter.objects.filter(match=match).order_by("pk")
    return [{"letter_id": letter.uid, "text": letter.text} for letter in letters]


LETTERS = PackPart("letters", _letters_about, left_out=frozenset({"letters"}))

"""Say how a use was edited, in the words that people use: sped up, slowed, pitched."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.reading import read_number

# A tempo change of 0.5 % or a pitch shift of 10 cents makes a use altered.
ALTERED_TEMPO = Decimal("0.005")
ALTERED_CENTS = 10
# A tape changes pitch with speed; measured changes agree within a few cents.
LIKE_A_TAPE_CENTS = 20
# Segments of one edit differ by less, as far as they are measured.
_ONE_TEMPO = Decimal("0.01")


class Edit(TextChoices):
    """How the source plays a recording."""

    NONE = "none", gettext_lazy("not edited")
    SPED_UP = "sped_up", gettext_lazy("sped up")
    SLOWED = "slowed", gettext_lazy("slowed")
    PITCH = "pitch", gettext_lazy("pitch changed")
    TEMPO = "tempo", gettext_lazy("tempo changed")
    TEMPO_AND_PITCH = "tempo_and_pitch", gettext_lazy("tempo and pitch changed")
    # Of a match whose segments differ.
    DRIFTING = "drifting", gettext_lazy("speed drifts")
    IN_PART = "in_part", gettext_lazy("edited in part")
    SEVERAL = "several", gettext_lazy("edited in several ways")


# No amount holds for all parts of such a match.
MIXED = (Edit.DRIFTING, Edit.IN_PART, Edit.SEVERAL)


def edit_of(tempo: Decimal | None, cents: Decimal | int | None) -> Edit | None:
    """Return how music at this tempo ratio and pitch was edited; None if unknown.

    What alone was not measured is that of the recording.
    """
    if tempo is None and cents is None:
        return None
    tempo, higher = tempo or Decimal(1), float(cents or 0)
    if abs(tempo - 1) <= ALTERED_TEMPO:
        return Edit.PITCH if abs(higher) > ALTERED_CENTS else Edit.NONE
    if abs(higher - 1200 * math.log2(tempo)) <= LIKE_A_TAPE_CENTS:
        return Edit.SPED_UP if tempo > 1 else Edit.SLOWED
    return Edit.TEMPO_AND_PITCH if abs(higher) > ALTERED_CENTS else Edit.TEMPO


def edit_of_all(
    played: Iterable[tuple[Decimal | None, Decimal | int | None]], *, drifts: bool = False
) -> Edit | None:
    """Return the edit of segments by their tempo ratio and pitch; None if unknown.

    A mean of segments that differ would state an amount that none of them has, unless
    the tempo ``drifts`` in each use.
    """
    alterations = [alteration for alteration in played if edit_of(*alteration) is not None]
    if not alterations:
        return None
    edits = {edit_of(*alteration) for alteration in alterations}
    if edits == {Edit.NONE}:
        return Edit.NONE
    tempos = [tempo or Decimal(1) for tempo, _cents in alterations]
    pitches = [float(cents or 0) for _tempo, cents in alterations]
    is_one = (
        len(edits) == 1
        and max(tempos) - min(tempos) <= _ONE_TEMPO
        and max(pitches) - min(pitches) <= LIKE_A_TAPE_CENTS
    )
    if is_one:
        return edits.pop()
    if drifts:
        return Edit.DRIFTING
    return Edit.IN_PART if Edit.NONE in edits else Edit.SEVERAL


def edit_in_words(edit: str | None, tempo: Decimal | None, cents: Decimal | int | None) -> str:
    """Return the edit with its amount, as "sped up 1.25 ×"; empty if there is none."""
    if not edit or edit == Edit.NONE:
        return ""
    if edit in (Edit.IN_PART, Edit.SEVERAL):
        return str(Edit(edit).label)
    amounts = {
        "tempo": read_number(float(tempo or 1), decimals=2),
        "pitch": _semitones(float(cents or 0)),
    }
    words = {
        Edit.DRIFTING: _("speed drifts around %(tempo)s ×"),
        Edit.SPED_UP: _("sped up %(tempo)s ×"),
        Edit.SLOWED: _("slowed %(tempo)s ×"),
        Edit.PITCH: _("pitch %(pitch)s semitones"),
        Edit.TEMPO: _("tempo %(tempo)s × at the same pitch"),
        Edit.TEMPO_AND_PITCH: _("tempo %(tempo)s ×, pitch %(pitch)s semitones"),
    }[Edit(edit)]
    # The sign stays with its number where a line ends.
    return (words % amounts).replace(" ×", "\N{NO-BREAK SPACE}×")


def tempo_of(speed_pct: Decimal | None) -> Decimal | None:
    """Return the tempo ratio of a change in per cent."""
    return None if speed_pct is None else 1 + speed_pct / 100


def _semitones(cents: float) -> str:
    """Return a change of pitch with its sign: whole semitones where it is whole."""
    semitones = abs(cents) / 100
    decimals = 0 if abs(semitones - round(semitones)) < 0.1 and semitones > 0.5 else 2
    return ("+" if cents > 0 else "−") + read_number(semitones, decimals=decimals)

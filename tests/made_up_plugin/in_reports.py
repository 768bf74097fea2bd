"""The column that says in reports how many letters are about a match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from plugins.letters.models import Letter
from reports.cells import ColumnType, ValueType
from reports.choices import Mode
from reports.extras import Around, Extra, Values
from review.models import Match
from scanning.models import ScannedFile


def _of_files(_files: Sequence[ScannedFile]) -> Mapping[int, Values]:
    return {}


def _of_matches(matches: Sequence[Match], _around: Around) -> Mapping[int, Values]:
    about = Letter.objects.filter(match__in=matches).values_list("match", flat=True)
    return {key: {"letters": count} for key, count in Counter(about).items()}


LETTER_COUNT = Extra(
    after="origin",
    columns=(ColumnType("letters", ValueType.INTEGER),),
    modes=frozenset({Mode.MATCH}),
    of_files=_of_files,
    of_matches=_of_matches,
)

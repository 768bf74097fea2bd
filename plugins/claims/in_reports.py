"""The column that says in reports which status a match has on its platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from plugins.claims.selectors import claim_statuses
from reports.cells import ColumnType, ValueType
from reports.choices import Mode
from reports.extras import Around, Extra, ReadyMade, Values
from review.models import Match
from scanning.models import ScannedFile


def _of_files(_files: Sequence[ScannedFile]) -> Mapping[int, Values]:
    return {}


def _of_matches(matches: Sequence[Match], around: Around) -> dict[int, Values]:
    statuses = claim_statuses(matches, around.files, around.recordings)
    return {key: {"platform_claim_status": status} for key, status in statuses.items()}


PLATFORM_CLAIM: Final = Extra(
    after="origin",
    columns=(ColumnType("platform_claim_status", ValueType.ENUM),),
    modes=frozenset({Mode.MATCH, Mode.SEGMENT}),
    ready_made={ReadyMade.CLAIMS: ("platform_claim_status",)},
    of_files=_of_files,
    of_matches=_of_matches,
)

"""The columns that say in match reports whether a match has a current pack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reports.cells import ColumnType, ValueType
from reports.choices import Mode
from reports.evidence.selectors import EvidenceStatus, evidence_of_many
from reports.extras import Around, Extra, Values
from review.models import Match
from scanning.models import ScannedFile

_NOTHING: Final[Values] = {"evidence_status": EvidenceStatus.NONE}


def _of_files(files: Sequence[ScannedFile]) -> dict[int, Values]:
    return {file.pk: _NOTHING for file in files}


def _of_matches(matches: Sequence[Match], _around: Around) -> dict[int, Values]:
    packs = evidence_of_many(match.pk for match in matches)
    return {match.pk: _NOTHING for match in matches} | {
        key: {"evidence_status": pack.status, "evidence_sha256": pack.sha256 or None}
        for key, pack in packs.items()
    }


EVIDENCE: Final = Extra(
    after="dispute_due_at",
    columns=(
        ColumnType("evidence_status", ValueType.ENUM),
        ColumnType("evidence_sha256", ValueType.TEXT),
    ),
    modes=frozenset({Mode.MATCH}),
    of_files=_of_files,
    of_matches=_of_matches,
)

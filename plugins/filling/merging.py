"""Puts together what several sources say of one recording."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from plugins.filling.choices import HOLD_ORDER, FillField
from plugins.filling.fields import cleaned
from plugins.filling.indexes import Opened
from plugins.filling.models import EnrichmentSource
from plugins.filling.open_data import matching
from plugins.filling.open_data.folding import fold
from plugins.filling.open_data.matching import FoundValue, Hold, Ours


@dataclass(frozen=True, slots=True)
class MergedValue:
    """A value with the sources that say so; ``holds`` keep it from bulk."""

    field: str
    value: str
    said: tuple[tuple[EnrichmentSource, FoundValue], ...]
    holds: tuple[str, ...]

    @property
    def features(self) -> list[float]:
        """Return the features of the strongest match, with the number that agree."""
        best = min(
            (found for _source, found in self.said), key=lambda each: each.match.step
        )
        return best.features(agreeing=len(self.said))

    @property
    def hold(self) -> str:
        """Return the first reason why it is decided one by one, or ""."""
        return next((each for each in HOLD_ORDER if each in self.holds), "")

    @property
    def evidence(self) -> list[dict[str, Any]]:  # Any: JSON
        """Return what each source has, as a suggestion keeps it."""
        return [
            {
                "source": source.uid,
                "name": source.name,
                "kind": source.kind,
                "date": source.data_date,
                "id": found.match.found.source_id,
                "title": found.match.found.title,
                "version": found.match.found.version or found.match.found.comment,
                "artists": list(found.match.found.artists),
                "length_ms": found.match.found.length_ms,
                "step": found.match.step,
                "rivals": found.match.rivals,
            }
            for source, found in self.said
        ]

    @property
    def ground(self) -> str:
        """Return a digest of what the value stands on."""
        ids = sorted(
            f"{source.kind}:{each.match.found.source_id}" for source, each in self.said
        )
        return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]


def merged(
    ours: Ours, opened: Opened, *, fields: Iterable[str]
) -> Iterator[MergedValue]:
    """Yield the values of all sources, those that are the same together."""
    wanted = list(fields)
    said: dict[str, dict[str, list[tuple[EnrichmentSource, FoundValue]]]]
    said = defaultdict(lambda: defaultdict(list))
    written: dict[tuple[str, str], str] = {}
    for source, index in opened:
        for found in matching.values(ours, index, fields=wanted):
            if value := cleaned(found.field, found.value):
                key = fold(value) if found.field == FillField.LABEL else value
                written.setdefault((found.field, key), value)
                said[found.field][key].append((source, found))
    for field, by_value in said.items():
        for key, rows in by_value.items():
            holds = {str(hold) for _source, found in rows for hold in found.holds}
            if len(by_value) > 1:
                holds.add(Hold.DISAGREE)
            yield MergedValue(
                field, written[field, key], tuple(rows), tuple(sorted(holds))
            )

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
    source_values: tuple[tuple[EnrichmentSource, FoundValue], ...]
    holds: tuple[str, ...]

    @property
    def features(self) -> list[float]:
        """Return the features of the strongest match, with the number that agree."""
        best = min(
            (value for _source, value in self.source_values), key=lambda value: value.match.step
        )
        return best.features(agreeing=len(self.source_values))

    @property
    def hold(self) -> str:
        """Return the first reason why it is decided one by one, or ""."""
        return next((hold for hold in HOLD_ORDER if hold in self.holds), "")

    @property
    def evidence(self) -> list[dict[str, Any]]:  # Any: JSON
        """Return what each source has, as a suggestion keeps it."""
        return [
            {
                "source": source.uid,
                "name": source.name,
                "kind": source.kind,
                "date": source.data_date,
                "id": value.match.recording.source_id,
                "title": value.match.recording.title,
                "version": value.match.recording.version or value.match.recording.comment,
                "artists": list(value.match.recording.artists),
                "length_ms": value.match.recording.length_ms,
                "step": value.match.step,
                "rivals": value.match.rivals,
            }
            for source, value in self.source_values
        ]

    @property
    def ground(self) -> str:
        """Return a digest of what the value stands on."""
        ids = sorted(
            f"{source.kind}:{value.match.recording.source_id}"
            for source, value in self.source_values
        )
        return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]


def merged(ours: Ours, opened: Opened, *, fields: Iterable[str]) -> Iterator[MergedValue]:
    """Yield the values of all sources, those that are the same together."""
    field_names = list(fields)
    by_field: dict[str, dict[str, list[tuple[EnrichmentSource, FoundValue]]]]
    by_field = defaultdict(lambda: defaultdict(list))
    written: dict[tuple[str, str], str] = {}
    for source, index in opened:
        for candidate in matching.values(ours, index, fields=field_names):
            if value := cleaned(candidate.field, candidate.value):
                key = fold(value) if candidate.field == FillField.LABEL else value
                written.setdefault((candidate.field, key), value)
                by_field[candidate.field][key].append((source, candidate))
    for field, by_value in by_field.items():
        for key, rows in by_value.items():
            holds = {str(hold) for _source, candidate in rows for hold in candidate.holds}
            if len(by_value) > 1:
                holds.add(Hold.DISAGREE)
            yield MergedValue(field, written[field, key], tuple(rows), tuple(sorted(holds)))

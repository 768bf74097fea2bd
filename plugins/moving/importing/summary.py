"""Counts of a move, by kind and outcome, and what stopped a part of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from plugins.moving.models import MovedKind, MovedOutcome

SHOWN: Final = 100


@dataclass(slots=True)
class MoveSummary:
    """What a move did; ``there`` is what its check counted in the account.

    ``calls`` are those that the check expects. ``refused`` counts what did not move.
    """

    there: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0

    @classmethod
    def of(cls, stored: dict[str, Any]) -> MoveSummary:  # Any: JSON
        """Return a stored summary; other keys belong to the pages."""
        values = {name: stored[name] for name in cls.__slots__ if name in stored}
        return cls(**values)

    def count(self, kind: MovedKind, outcome: MovedOutcome) -> None:
        """Count an object."""
        of_kind = self.counts.setdefault(kind.value, {})
        of_kind[outcome.value] = of_kind.get(outcome.value, 0) + 1
        self.refused += outcome is MovedOutcome.NOT_MOVED

    def fault(self, subject: str, text: str) -> None:
        """Note why a list could not be read; the first ones are shown."""
        if len(self.faults) < SHOWN:
            self.faults.append({"what": subject[:200], "message": text[:500]})

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return the summary as it is stored."""
        return asdict(self)

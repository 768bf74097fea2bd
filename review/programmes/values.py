"""What people say about programmes, apart from the rows that keep it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one form."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is said."""
        return all(value in ("", None) for value in asdict(self).values())


@dataclass(frozen=True, slots=True)
class EpisodeValues(Values):
    """What a file is as a programme; empty texts are not known."""

    series: str = ""
    also_known_as: str = ""
    season: str = ""
    number: str = ""
    title: str = ""
    production_company: str = ""
    isan: str = ""


@dataclass(frozen=True, slots=True)
class UseValues(Values):
    """How a file uses a recording; empty texts and None are not known."""

    use: str = ""
    origin: str = ""
    own_recording: bool | None = None
    live: bool | None = None
    recorded_on: date | None = None
    recorded_in: str = ""
    published_in: str = ""


def as_json(values: Values) -> dict[str, Any]:  # Any: JSON
    """Return the values that say something, as the audit trail keeps them."""
    return {
        name: value if isinstance(value, str | bool | int) else _text(value)
        for name, value in asdict(values).items()
        if value not in ("", None)
    }


def _text(value: Any) -> str:  # Any: a moment, a day or a number
    return value.isoformat() if isinstance(value, date) else str(value)


def state_of(values: Values) -> str:
    """Return a short text that differs as soon as the values do.

    A form carries the state that its reader saw.
    """
    text = json.dumps(as_json(values), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

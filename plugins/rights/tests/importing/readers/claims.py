"""What the second readers of rights make of a message, whatever its format.

Written from the specification of the formats alone, without code of the product.
Percentages are of 100; ``None`` is a share of unknown size. Territories stay as the
message writes them. Shares without a size of their own (zero) are none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class SeenShare:
    """A share; ``right`` is PR, MR, SR or NR, ``kind`` OWN or COL."""

    party: str
    role: str
    right: str
    kind: str
    percent: Decimal | None
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    ipi: str = ""
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(slots=True)
class SeenRecording:
    """A recording with what it is on and what is owned of it."""

    isrc: str
    title: str
    version_title: str = ""
    artists: tuple[str, ...] = ()
    duration_ms: int | None = None
    label: str = ""
    shares: list[SeenShare] = field(default_factory=list)


@dataclass(slots=True)
class SeenWork:
    """A work with its titles as (text, type), shares and recordings."""

    number: str
    title: str
    iswc: str = ""
    titles: list[tuple[str, str]] = field(default_factory=list)
    shares: list[SeenShare] = field(default_factory=list)
    recordings: list[SeenRecording] = field(default_factory=list)


@dataclass(slots=True)
class SeenRelease:
    """A release with the ISRCs of its tracks in order."""

    title: str
    upc: str = ""
    grid: str = ""
    catalogue_number: str = ""
    label: str = ""
    tracks: tuple[str, ...] = ()


@dataclass(slots=True)
class SeenMessage:
    works: list[SeenWork] = field(default_factory=list)
    recordings: list[SeenRecording] = field(default_factory=list)
    releases: list[SeenRelease] = field(default_factory=list)

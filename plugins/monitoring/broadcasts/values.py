"""What people say about broadcasts, apart from the rows that keep it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from review.programmes.values import Values


@dataclass(frozen=True, slots=True)
class BroadcastValues(Values):
    """One broadcast by a station; ``starts_at`` is a moment.

    Without ``length_ms``, the whole file was broadcast. ``showing`` is a ``Showing`` or
    empty.
    """

    starts_at: datetime
    length_ms: int | None = None
    showing: str = ""


@dataclass(frozen=True, slots=True)
class AudienceValues(Values):
    """How many people listened; None is not known, and zero is nobody."""

    listeners: int | None = None
    performances: int | None = None
    tuning_hours: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RevenueValues(Values):
    """What a station earned; both values are given, or neither."""

    net_revenue: Decimal | None = None
    currency: str = ""

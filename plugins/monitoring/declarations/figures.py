"""Audience and revenue of stations in the months of a declaration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeVar

from plugins.monitoring.broadcasts.models import Audience, Revenue
from plugins.monitoring.declarations.airings import Period
from plugins.monitoring.declarations.facts import StationFacts
from plugins.monitoring.streams.models import Station

Number = TypeVar("Number", int, Decimal)


def station_facts(
    stations: Sequence[Station], period: Period, *, rights_type: str = ""
) -> list[StationFacts]:
    """Return stations with their figures, in order; two queries.

    Figures are those of whole months: a period that breaks a month has none, and a
    month without a figure leaves the sum unknown.
    """
    months = period.months()
    audiences: dict[int, list[Audience]] = defaultdict(list)
    for audience in Audience.objects.filter(station__in=stations, month__in=months):
        audiences[audience.station_id].append(audience)
    revenues: dict[int, list[Revenue]] = defaultdict(list)
    rows = Revenue.objects.filter(station__in=stations, month__in=months)
    if rights_type:
        rows = rows.filter(rights_type=rights_type)
    for revenue in rows:
        revenues[revenue.station_id].append(revenue)
    return [
        _facts(station, audiences[station.pk], revenues[station.pk], len(months))
        for station in stations
    ]


def _facts(
    station: Station, audiences: Sequence[Audience], revenues: Sequence[Revenue], months: int
) -> StationFacts:
    listeners = _sum((audience.listeners for audience in audiences), months)
    earned = _sum((revenue.net_revenue for revenue in revenues), months)
    currencies = {revenue.currency for revenue in revenues}
    kinds = {revenue.rights_type for revenue in revenues}
    # Amounts of two currencies, or for two rights, have no sum.
    is_one = len(currencies) == 1 and len(kinds) == 1 and earned is not None
    return StationFacts(
        uid=station.uid,
        name=station.name,
        call_sign=station.call_sign,
        type=station.type,
        territory=station.territory,
        time_zone=station.time_zone,
        commercial_model=station.commercial_model,
        soundexchange_category=station.soundexchange_category,
        # The average of the months.
        listeners=None if listeners is None else round(listeners / months),
        listener_hours=_sum((audience.tuning_hours for audience in audiences), months),
        performances=_sum((audience.performances for audience in audiences), months),
        net_revenue=earned if is_one else None,
        currency=currencies.pop() if is_one else "",
        rights_type=kinds.pop() if is_one else "",
    )


def _sum(values: Iterable[Number | None], months: int) -> Number | None:
    amounts = [value for value in values if value is not None]
    if not months or len(amounts) != months:
        return None
    return sum(amounts[1:], amounts[0])

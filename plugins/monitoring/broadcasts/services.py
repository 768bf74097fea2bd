"""What people say about broadcasts; each change is one event of a case.

A form passes the ``seen`` state of ``values.state_of`` that its reader saw. If somebody
else changed the values since, the change is refused, so that nobody's words are lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.accounts.models import User
from base.accounts.reach import why_shared
from base.accounts.roles import Action
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.following import follow_file
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.broadcasts.selectors import hours_heard
from plugins.monitoring.broadcasts.times import checked_length, hour_of, local_text, start_at
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.values import Values, as_json, state_of, values_of
from review.programmes.writing import (
    check,
    locked_file,
    overtaken,
    record,
    refuse_overtaken,
    require_action,
    store,
    write,
)
from scanning.models import ScannedFile
from statements.selectors import marks_of_broadcast

MOST_BROADCASTS: Final = 500
"""The most broadcasts of one file."""


def statements_on(broadcast: Broadcast) -> list[str]:
    """Return which statements name a broadcast, a sentence each.

    They would be wrong if it moved. Those out of sight are counted only.
    """
    return [
        ngettext(
            "“%(name)s” states %(count)d play of this broadcast, and must then be corrected.",
            "“%(name)s” states %(count)d plays of this broadcast, and must then be corrected.",
            mark.uses,
        )
        % {"name": mark.name, "count": mark.uses}
        if mark.statement is not None
        else _("A statement that you may not see names it, and must be corrected.")
        for mark in marks_of_broadcast(broadcast.uid)
    ]


@transaction.atomic
def add_broadcast(
    *, scanned_file: ScannedFile, station: Station, values: Values, user: User | None
) -> Broadcast:
    """Add a broadcast of a file.

    ``starts_at`` may be a local time of the station. Raises ``ProgrammeRefused``
    for impossible values, and if the file has this broadcast or was deleted.
    """
    require_action(user, Action.UPLOAD)
    current = locked_file(scanned_file)
    row = Broadcast(scanned_file=current)
    _fill(row, station, values)
    broadcasts = Broadcast.objects.filter(scanned_file=current)
    if broadcasts.count() >= MOST_BROADCASTS:
        raise ProgrammeRefused(
            "too_many",
            _("A file can have at most %(most)d broadcasts.") % {"most": MOST_BROADCASTS},
        )
    _refuse_listed(row)
    row.save()
    follow_file(current, user)
    record(_case(current), "file.broadcast_added", user, {}, _broadcast_json(row))
    return row


@transaction.atomic
def change_broadcast(
    *,
    broadcast: Broadcast,
    station: Station,
    values: Values,
    user: User | None,
    seen: str | None = None,
    despite: bool = False,
) -> bool:
    """Change values of a broadcast; return whether any changed. The others stay.

    Raises ``ProgrammeRefused`` as ``add_broadcast`` does, and if the broadcast was
    changed or deleted since it was ``seen``. One that moves or becomes shorter or
    longer is refused if something was stated of it, unless ``despite`` that.
    """
    require_action(user, Action.UPLOAD)
    current = locked_file(broadcast.scanned_file)
    row = _locked_broadcast(broadcast)
    if seen is not None and seen != broadcast_state(row):
        raise overtaken()
    stated = (row.station_id, row.starts_at, row.length_ms)
    values_before, before = values_of(row), _broadcast_json(row)
    _fill(row, station, values)
    moved = station.pk != stated[0]
    if not moved and values_of(row) == values_before:
        return False
    _refuse_listed(row)
    if (row.station_id, row.starts_at, row.length_ms) != stated:
        _refuse_stated(row, despite=despite)
    row.save()
    if moved:
        Audience.objects.filter(broadcast=row).update(station=station)
    after = _broadcast_json(row)
    follow_file(current, user)
    record(_case(current), "file.broadcast_changed", user, before, after)
    return True


@transaction.atomic
def delete_broadcast(
    *, broadcast: Broadcast, user: User | None, seen: str | None = None, despite: bool = False
) -> None:
    """Delete a broadcast with its audience.

    Raises ``ProgrammeRefused`` if it was changed or deleted since it was ``seen``, and
    if something was stated of it, unless ``despite`` that.
    """
    require_action(user, Action.UPLOAD)
    current = locked_file(broadcast.scanned_file)
    row = _locked_broadcast(broadcast)
    if seen is not None and seen != broadcast_state(row):
        raise overtaken()
    _refuse_stated(row, despite=despite)
    before = _broadcast_json(row)
    audience = Audience.objects.filter(broadcast=row).first()
    if audience is not None:
        before["audience"] = as_json(audience)
    row.delete()
    follow_file(current, user)
    record(_case(current), "file.broadcast_deleted", user, before, {})


def broadcast_state(row: Broadcast) -> str:
    """Return the state of a broadcast for a form, with its station."""
    return f"{state_of(row)}{row.station_id:x}"


@transaction.atomic
def set_audience(
    *,
    station: Station,
    values: Values,
    user: User | None,
    month: date | None = None,
    broadcast: Broadcast | None = None,
    seen: str | None = None,
) -> bool:
    """Set figures of a station in a month, or of one of its broadcasts; the others stay.

    Give the first day of a ``month``, or a ``broadcast``. Return whether anything
    changed. Raises ``ProgrammeRefused`` for impossible figures, and if the figures
    changed since they were ``seen``.
    """
    require_action(user, Action.REPORT)
    if (month is None) == (broadcast is None):
        raise TypeError("Give a month or a broadcast.")
    current = _locked_station(station)
    if broadcast is None:
        _refuse_shared(current, user)
    else:
        broadcast = _locked_broadcast(broadcast)
    key_values: dict[str, Any] = {"month": month, "broadcast": broadcast}
    row = Audience.objects.filter(station=current, **key_values).first()
    row = row or Audience(station=current, **key_values)
    refuse_overtaken(row, seen)
    before = as_json(row)
    if not store(row, values):
        return False
    named = {"broadcast": broadcast.uid} if broadcast else _month_json(month)
    case = _case(broadcast.scanned_file) if broadcast else _case(current)
    begin = "file" if broadcast else "station"
    record(case, f"{begin}.audience_changed", user, named | before, named | as_json(row))
    return True


@transaction.atomic
def set_hours(
    *,
    station: Station,
    listeners: Mapping[datetime, int | None],
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Say how many people heard a station in hours of one day, by ``hours_of_day``.

    Return whether anything changed. Raises ``ProgrammeRefused`` for what is no hour of
    the station's clock, for impossible figures, and if the figures of these hours changed
    since they were ``seen``.
    """
    require_action(user, Action.REPORT)
    current = _locked_station(station)
    _refuse_shared(current, user)
    hours = sorted(listeners)
    if any(hour != hour_of(hour, current.time_zone) for hour in hours):
        raise ProgrammeRefused(
            "invalid", _("An hour begins when the station's clock shows :00."), field="hour"
        )
    before = hours_heard(current, hours[0], hours[-1])
    if seen is not None and seen != hours_state(before):
        raise overtaken()
    changed = [hour for hour in hours if listeners[hour] != before.get(hour)]
    for hour in changed:
        row = Audience.objects.filter(station=current, hour=hour).first()
        row = row or Audience(station=current, hour=hour)
        store(row, {"listeners": listeners[hour]})
    if not changed:
        return False

    def figures_json(heard: Mapping[datetime, int | None]) -> dict[str, Any]:  # Any: JSON
        zone = current.time_zone
        figures = {local_text(hour, zone): heard.get(hour) for hour in changed}
        return {hour: figure for hour, figure in figures.items() if figure is not None}

    record(
        _case(current),
        "station.audience_changed",
        user,
        figures_json(before),
        figures_json(listeners),
    )
    return True


def hours_state(heard: Mapping[datetime, int]) -> str:
    """Return the state of figures of hours for a form."""
    rows = [(hour.isoformat(), heard[hour]) for hour in sorted(heard)]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


@transaction.atomic
def set_revenue(
    *,
    station: Station,
    month: date,
    rights_type: RightsType,
    values: Values,
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Set a station's revenue of a month; return whether it changed.

    Only managers may. The event is in a case of its own, because people who see the
    station's case need not see its revenue. Raises ``ProgrammeRefused`` for impossible
    values, and if the revenue changed since it was ``seen``.
    """
    require_action(user, Action.EDIT_CATALOGUE)
    current = _locked_station(station)
    _refuse_shared(current, user)
    key_values: dict[str, Any] = {"month": month, "rights_type": rights_type}
    row = Revenue.objects.filter(station=current, **key_values).first()
    row = row or Revenue(station=current, **key_values)
    refuse_overtaken(row, seen)
    before = as_json(row)
    if not store(row, _checked_revenue(values)):
        return False
    named = _month_json(month) | {"rights_type": str(rights_type)}
    record(
        f"revenue:{current.uid}",
        "station.revenue_changed",
        user,
        named | before,
        named | as_json(row),
    )
    return True


def _refuse_shared(station: Station, user: User | None) -> None:
    if refusal := why_shared(station, user):
        raise ProgrammeRefused("not_allowed", refusal)


def _locked_broadcast(broadcast: Broadcast) -> Broadcast:
    rows = Broadcast.objects.select_related("station", "scanned_file")
    row = rows.select_for_update(of=("self",)).filter(pk=broadcast.pk).first()
    if row is None:
        raise ProgrammeRefused("gone", _("Somebody else deleted this broadcast."))
    return row


def _locked_station(station: Station) -> Station:
    return Station.objects.select_for_update().get(pk=station.pk)


def _refuse_stated(row: Broadcast, *, despite: bool) -> None:
    """Refuse to move or delete a broadcast that a statement names."""
    if not despite and (sentences := statements_on(row)):
        raise ProgrammeRefused("stated", " ".join(sentences), field="despite")


def _refuse_listed(row: Broadcast) -> None:
    same = Broadcast.objects.filter(
        scanned_file=row.scanned_file, station=row.station, starts_at=row.starts_at
    )
    if same.exclude(pk=row.pk).exists():
        raise ProgrammeRefused(
            "listed", _("This broadcast is already in the list."), field="starts_at"
        )


def _fill(row: Broadcast, station: Station, values: Values) -> None:
    """Set station and values of a broadcast that is saved later."""
    row.station, row.time_zone = station, station.time_zone
    write(row, values)
    row.starts_at = start_at(row.starts_at, station.time_zone)
    if row.length_ms is not None:
        checked_length(row.length_ms)
    check(row)


def _checked_revenue(values: Values) -> Values:
    if values["net_revenue"] is None:
        return {"net_revenue": None, "currency": ""}
    currency = values["currency"].strip().upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise ProgrammeRefused(
            "invalid", _("Write the currency as three letters, such as CHF."), field="currency"
        )
    return {**values, "currency": currency}


def _case(subject: ScannedFile | Station) -> str:
    kind = "station" if isinstance(subject, Station) else "file"
    return f"{kind}:{subject.uid}"


def _broadcast_json(row: Broadcast) -> dict[str, Any]:  # Any: JSON
    return {
        "broadcast": row.uid,
        "station": row.station.name,
        "local_time": local_text(row.starts_at, row.time_zone),
        **as_json(row),
    }


def _month_json(month: date | None) -> dict[str, Any]:  # Any: JSON
    return {"month": f"{month:%Y-%m}"}

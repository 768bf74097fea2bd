"""What people say about broadcasts; each change is one event of a case.

A form passes the ``seen`` state of ``values.state_of`` that its reader saw. If somebody
else changed the values since, the change is refused, so that nobody's words are lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.reach import why_shared
from accounts.roles import Action
from broadcasts.choices import RightsType
from broadcasts.errors import BroadcastRefused
from broadcasts.following import follow_file
from broadcasts.models import Audience, Broadcast, Episode, MusicUse, Revenue
from broadcasts.selectors import hours_heard, use_of
from broadcasts.times import checked_length, hour_of, local_text, start_at
from broadcasts.values import (
    AudienceValues,
    BroadcastValues,
    EpisodeValues,
    RevenueValues,
    UseValues,
    Values,
    as_json,
    state_of,
)
from catalogue.identifiers import BadIdentifier, check_isan
from catalogue.models import Recording
from common.territories import TERRITORIES, why_no_territory
from review.decisions.decide import Decided, Refusal, decision_limit
from review.errors import BulkLimit, NotPossible
from review.models import Match
from review.services.transitions import require
from scanning.models import ScannedFile
from streams.models import Station

MOST_BROADCASTS: Final = 500
"""The most broadcasts of one file."""

Given = TypeVar("Given", bound=Values)
Statements = Callable[[Broadcast], list[str]]
_statements: list[Statements] = []


def register_statements(find: Statements) -> None:
    """Register a function of a package above that says what states a broadcast."""
    if find not in _statements:
        _statements.append(find)


def statements_on(broadcast: Broadcast) -> list[str]:
    """Return what was stated of a broadcast and would be wrong if it moved."""
    return [text for find in _statements for text in find(broadcast)]


# --- What a file is -------------------------------------------------------------------


@transaction.atomic
def set_episode(
    *,
    scanned_file: ScannedFile,
    values: EpisodeValues,
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Set a file's episode; return whether it changed.

    Raises ``BroadcastRefused`` for values that are too long, for an ISAN that cannot be
    right, and if the file was deleted or its episode changed since it was ``seen``.
    """
    _require(user, Action.UPLOAD)
    current = _locked_file(scanned_file)
    row = Episode.objects.filter(scanned_file=current).first()
    given = replace(
        values,
        **{each.name: getattr(values, each.name).strip() for each in fields(values)},
    )
    before = episode_values(row)
    if given.isan != before.isan:
        given = replace(given, isan=_checked_isan(given.isan))
    _refuse_overtaken(before, seen)
    if given == before:
        return False
    _store(row or Episode(scanned_file=current), given)
    _record(
        _case(current), "file.episode_changed", user, as_json(before), as_json(given)
    )
    return True


def _checked_isan(given: str) -> str:
    try:
        return check_isan(given)
    except BadIdentifier as fault:
        raise BroadcastRefused(
            "invalid",
            _("%(cell)s: %(fault)s. Correct it or remove it.")
            % {"cell": "ISAN", "fault": fault},
            field="isan",
        ) from fault


def episode_values(row: Episode | None) -> EpisodeValues:
    """Return a file's episode, if anybody entered it."""
    return _values(row, EpisodeValues) if row else EpisodeValues()


# --- Broadcasts of a file -------------------------------------------------------------


@transaction.atomic
def add_broadcast(
    *,
    scanned_file: ScannedFile,
    station: Station,
    values: BroadcastValues,
    user: User | None,
) -> Broadcast:
    """Add a broadcast of a file.

    ``values.starts_at`` may be a local time of the station. Raises ``BroadcastRefused``
    for impossible values, and if the file has this broadcast or was deleted.
    """
    _require(user, Action.UPLOAD)
    current = _locked_file(scanned_file)
    row = Broadcast(scanned_file=current, station=station)
    given = _checked_broadcast(values, station)
    listed = Broadcast.objects.filter(scanned_file=current)
    if listed.count() >= MOST_BROADCASTS:
        raise BroadcastRefused(
            "too_many",
            _("A file can have at most %(most)d broadcasts.")
            % {"most": MOST_BROADCASTS},
        )
    _refuse_listed(row, given)
    _store_broadcast(row, station, given)
    follow_file(current, user)
    _record(_case(current), "file.broadcast_added", user, {}, _broadcast_json(row))
    return row


@transaction.atomic
def change_broadcast(
    *,
    broadcast: Broadcast,
    station: Station,
    values: BroadcastValues,
    user: User | None,
    seen: str | None = None,
    despite: bool = False,
) -> bool:
    """Change a broadcast; return whether anything changed.

    Raises ``BroadcastRefused`` as ``add_broadcast`` does, and if the broadcast was
    changed or deleted since it was ``seen``. One that moves or becomes shorter or
    longer is refused if something was stated of it, unless ``despite`` that.
    """
    _require(user, Action.UPLOAD)
    current = _locked_file(broadcast.scanned_file)
    row = _locked_broadcast(broadcast)
    if seen is not None and seen != broadcast_state(row):
        raise _overtaken()
    given = _checked_broadcast(values, station)
    if given == broadcast_values(row) and station == row.station:
        return False
    _refuse_listed(row, given, station)
    now = (row.station_id, row.starts_at, row.length_ms)
    if (station.pk, given.starts_at, given.length_ms) != now:
        _refuse_stated(row, despite=despite)
    before = _broadcast_json(row)
    moved = station.pk != row.station_id
    _store_broadcast(row, station, given)
    if moved:
        Audience.objects.filter(broadcast=row).update(station=station)
    after = _broadcast_json(row)
    follow_file(current, user)
    _record(_case(current), "file.broadcast_changed", user, before, after)
    return True


@transaction.atomic
def delete_broadcast(
    *,
    broadcast: Broadcast,
    user: User | None,
    seen: str | None = None,
    despite: bool = False,
) -> None:
    """Delete a broadcast with its audience.

    Raises ``BroadcastRefused`` if it was changed or deleted since it was ``seen``, and
    if something was stated of it, unless ``despite`` that.
    """
    _require(user, Action.UPLOAD)
    current = _locked_file(broadcast.scanned_file)
    row = _locked_broadcast(broadcast)
    if seen is not None and seen != broadcast_state(row):
        raise _overtaken()
    _refuse_stated(row, despite=despite)
    before = _broadcast_json(row)
    audience = Audience.objects.filter(broadcast=row).first()
    if audience is not None:
        before["audience"] = as_json(audience_values(audience))
    row.delete()
    follow_file(current, user)
    _record(_case(current), "file.broadcast_deleted", user, before, {})


def broadcast_values(row: Broadcast) -> BroadcastValues:
    """Return when a broadcast was, how long, and whether it was the first."""
    return _values(row, BroadcastValues)


def broadcast_state(row: Broadcast) -> str:
    """Return the state of a broadcast for a form, with its station."""
    return f"{state_of(broadcast_values(row))}{row.station_id:x}"


# --- How a file uses music ------------------------------------------------------------


@transaction.atomic
def set_use(
    *,
    scanned_file: ScannedFile,
    recording: Recording,
    values: UseValues,
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Say how a file uses a recording; return whether that changed.

    Raises ``BroadcastRefused`` if the file has no match with the recording, for codes
    that name no country, and if the use changed since it was ``seen``.
    """
    _require(user, Action.DECIDE)
    current = _locked_file(scanned_file)
    rows = MusicUse.objects.filter(scanned_file=current, recording=recording)
    row = rows.first()
    matches = Match.objects.filter(scanned_file=current, recording=recording)
    if row is None and not matches.exists():
        raise BroadcastRefused(
            "no_match",
            _("%(name)s has no match with this recording.") % {"name": current.name},
            field="recording",
        )
    before, given = use_values(row), _checked_use(values)
    _refuse_overtaken(before, seen)
    if given == before:
        return False
    _store(row or MusicUse(scanned_file=current, recording=recording), given)
    named = {"recording": recording.uid}
    _record(
        _case(current),
        "file.use_changed",
        user,
        named | as_json(before),
        named | as_json(given),
    )
    return True


def set_uses(
    *, uids: Collection[str], change: Mapping[str, str | bool | None], user: User
) -> Decided:
    """Set some values of ``UseValues`` for many matches; the others stay as they are.

    Raises ``ReviewError`` before writing if the user or the number is refused.
    """
    require(user, Action.DECIDE, why=_("Your role can view this but not change it."))
    limit = decision_limit(user)
    if len(uids) > limit:
        raise BulkLimit(limit=limit)
    outcome = Decided()
    matches = Match.objects.filter(uid__in=uids)
    for match in matches.select_related("recording", "scanned_file"):
        try:
            _change_use(match, change, user)
        except BroadcastRefused as refused:
            outcome.refused.append(Refusal(match, NotPossible(str(refused))))
        else:
            outcome.done.append(match)
    return outcome


@transaction.atomic
def _change_use(
    match: Match, change: Mapping[str, str | bool | None], user: User
) -> None:
    # Locked first, so that values that somebody else sets meanwhile stay.
    _locked_file(match.scanned_file)
    row = use_of(match.scanned_file, match.recording)
    set_use(
        scanned_file=match.scanned_file,
        recording=match.recording,
        values=replace(use_values(row), **change),  # type: ignore[arg-type]  # named so
        user=user,
    )


def use_values(row: MusicUse | None) -> UseValues:
    """Return how a file uses a recording, if anybody entered it."""
    return _values(row, UseValues) if row else UseValues()


# --- Figures of stations --------------------------------------------------------------


@transaction.atomic
def set_audience(
    *,
    station: Station,
    values: AudienceValues,
    user: User | None,
    month: date | None = None,
    broadcast: Broadcast | None = None,
    seen: str | None = None,
) -> bool:
    """Say how many people heard a station in a month, or one of its broadcasts.

    Give the first day of a ``month``, or a ``broadcast``. Return whether anything
    changed. Raises ``BroadcastRefused`` for impossible figures, and if the figures
    changed since they were ``seen``.
    """
    _require(user, Action.REPORT)
    if (month is None) == (broadcast is None):
        raise TypeError("Give a month or a broadcast.")
    current = _locked_station(station)
    if broadcast is None:
        _refuse_shared(current, user)
    else:
        broadcast = _locked_broadcast(broadcast)
    of_what: dict[str, Any] = {"month": month, "broadcast": broadcast}
    row = Audience.objects.filter(station=current, **of_what).first()
    before = audience_values(row)
    _refuse_overtaken(before, seen)
    if values == before:
        return False
    _store(row or Audience(station=current, **of_what), values)
    named = {"broadcast": broadcast.uid} if broadcast else _month_json(month)
    case = _case(broadcast.scanned_file) if broadcast else _case(current)
    begin = "file" if broadcast else "station"
    _record(
        case,
        f"{begin}.audience_changed",
        user,
        named | as_json(before),
        named | as_json(values),
    )
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

    Return whether anything changed. Raises ``BroadcastRefused`` for what is no hour of
    the station's clock, for impossible figures, and if the figures of these hours changed
    since they were ``seen``.
    """
    _require(user, Action.REPORT)
    current = _locked_station(station)
    _refuse_shared(current, user)
    hours = sorted(listeners)
    if any(hour != hour_of(hour, current.time_zone) for hour in hours):
        raise BroadcastRefused(
            "invalid",
            _("An hour begins when the station's clock shows :00."),
            field="hour",
        )
    before = hours_heard(current, hours[0], hours[-1])
    if seen is not None and seen != hours_state(before):
        raise _overtaken()
    changed = [hour for hour in hours if listeners[hour] != before.get(hour)]
    for hour in changed:
        row = Audience.objects.filter(station=current, hour=hour).first()
        values = AudienceValues(listeners=listeners[hour])
        _store(row or Audience(station=current, hour=hour), values)
    if not changed:
        return False

    def said(known: Mapping[datetime, int | None]) -> dict[str, Any]:  # Any: JSON
        zone = current.time_zone
        figures = {local_text(hour, zone): known.get(hour) for hour in changed}
        return {hour: figure for hour, figure in figures.items() if figure is not None}

    _record(
        _case(current), "station.audience_changed", user, said(before), said(listeners)
    )
    return True


def hours_state(heard: Mapping[datetime, int]) -> str:
    """Return the state of figures of hours for a form."""
    rows = [(hour.isoformat(), heard[hour]) for hour in sorted(heard)]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def audience_values(row: Audience | None) -> AudienceValues:
    """Return how many people listened."""
    return _values(row, AudienceValues) if row else AudienceValues()


@transaction.atomic
def set_revenue(
    *,
    station: Station,
    month: date,
    rights_type: RightsType,
    values: RevenueValues,
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Set a station's revenue of a month; return whether it changed.

    Only managers may. The event is in a case of its own, because people who see the
    station's case need not see its revenue. Raises ``BroadcastRefused`` for impossible
    values, and if the revenue changed since it was ``seen``.
    """
    _require(user, Action.APPROVE)
    current = _locked_station(station)
    _refuse_shared(current, user)
    of_what: dict[str, Any] = {"month": month, "rights_type": rights_type}
    row = Revenue.objects.filter(station=current, **of_what).first()
    before = revenue_values(row)
    given = _checked_revenue(values)
    _refuse_overtaken(before, seen)
    if given == before:
        return False
    _store(row or Revenue(station=current, **of_what), given)
    named = _month_json(month) | {"rights_type": str(rights_type)}
    _record(
        f"revenue:{current.uid}",
        "station.revenue_changed",
        user,
        named | as_json(before),
        named | as_json(given),
    )
    return True


def revenue_values(row: Revenue | None) -> RevenueValues:
    """Return a station's revenues."""
    return _values(row, RevenueValues) if row else RevenueValues()


# --- Details --------------------------------------------------------------------------


def _require(user: User | None, action: Action) -> None:
    if user is not None and not user.has_perm(action):
        raise BroadcastRefused(
            "not_allowed", _("Your role can view this but not change it.")
        )


def _refuse_shared(station: Station, user: User | None) -> None:
    if refusal := why_shared(station, user):
        raise BroadcastRefused("not_allowed", refusal)


def _locked_file(scanned_file: ScannedFile) -> ScannedFile:
    rows = ScannedFile.objects.present().select_for_update(of=("self",))
    current = rows.filter(pk=scanned_file.pk).first()
    if current is None:
        raise BroadcastRefused("gone", _("This file was deleted."))
    return current


def _locked_broadcast(broadcast: Broadcast) -> Broadcast:
    rows = Broadcast.objects.select_related("station", "scanned_file")
    row = rows.select_for_update(of=("self",)).filter(pk=broadcast.pk).first()
    if row is None:
        raise BroadcastRefused("gone", _("Somebody else deleted this broadcast."))
    return row


def _locked_station(station: Station) -> Station:
    return Station.objects.select_for_update().get(pk=station.pk)


def _overtaken() -> BroadcastRefused:
    return BroadcastRefused(
        "stale",
        _(
            "Somebody else changed this while you were editing, so nothing was "
            "saved. Reload the page to see their change."
        ),
    )


def _refuse_overtaken(now: Values, seen: str | None) -> None:
    if seen is not None and seen != state_of(now):
        raise _overtaken()


def _refuse_stated(row: Broadcast, *, despite: bool) -> None:
    """Refuse to move or delete a broadcast that a statement names."""
    if not despite and (said := statements_on(row)):
        raise BroadcastRefused("stated", " ".join(said), field="despite")


def _refuse_listed(
    row: Broadcast, given: BroadcastValues, station: Station | None = None
) -> None:
    same = Broadcast.objects.filter(
        scanned_file=row.scanned_file,
        station=station or row.station,
        starts_at=given.starts_at,
    )
    if same.exclude(pk=row.pk).exists():
        raise BroadcastRefused(
            "listed",
            _("This broadcast is already in the list."),
            field="starts_at",
        )


def _checked_broadcast(values: BroadcastValues, station: Station) -> BroadcastValues:
    if values.length_ms is not None:
        checked_length(values.length_ms)
    return replace(values, starts_at=start_at(values.starts_at, station.time_zone))


def _checked_use(values: UseValues) -> UseValues:
    codes = {
        name: getattr(values, name).strip().upper()
        for name in ("recorded_in", "published_in")
    }
    for name, code in codes.items():
        if code and code not in TERRITORIES:
            raise BroadcastRefused(
                "invalid",
                why_no_territory(code),
                field=name,
            )
    return replace(values, **codes)


def _checked_revenue(values: RevenueValues) -> RevenueValues:
    if values.net_revenue is None:
        return RevenueValues()
    currency = values.currency.strip().upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise BroadcastRefused(
            "invalid",
            _("Write the currency as three letters, such as CHF."),
            field="currency",
        )
    return replace(values, currency=currency)


def _values(row: models.Model, kind: type[Given]) -> Given:
    return kind(**{each.name: getattr(row, each.name) for each in fields(kind)})


def _store(row: models.Model, values: Values) -> None:
    """Write the values; a row that says nothing is deleted."""
    if values.is_empty:
        row.delete()
        return
    _write(row, [each.name for each in fields(values)], values)
    row.save()


def _store_broadcast(row: Broadcast, station: Station, values: BroadcastValues) -> None:
    row.station, row.time_zone = station, station.time_zone
    _write(row, [each.name for each in fields(values)], values)
    row.save()


def _write(row: models.Model, names: Iterable[str], values: Values) -> None:
    """Set the columns; raise ``BroadcastRefused`` for a value that does not fit."""
    wanted = list(names)
    for name in wanted:
        value = getattr(values, name)
        if isinstance(value, str) and "\0" in value:
            # PostgreSQL cannot store it.
            raise BroadcastRefused(
                "invalid",
                _("The text contains a character that cannot be stored. Remove it."),
                field=name,
            )
        setattr(row, name, value)
    others = {each.name for each in row._meta.fields} - set(wanted)
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        label = row._meta.get_field(name).verbose_name  # type: ignore[union-attr]  # a column
        raise BroadcastRefused(
            "invalid", f"{str(label).capitalize()}: {' '.join(texts)}", field=name
        ) from error


def _case(subject: ScannedFile | Station) -> str:
    kind = "station" if isinstance(subject, Station) else "file"
    return f"{kind}:{subject.uid}"


def _broadcast_json(row: Broadcast) -> dict[str, Any]:  # Any: JSON
    return {
        "broadcast": row.uid,
        "station": row.station.name,
        "local_time": local_text(row.starts_at, row.time_zone),
        **as_json(broadcast_values(row)),
    }


def _month_json(month: date | None) -> dict[str, Any]:  # Any: JSON
    return {"month": f"{month:%Y-%m}"}


def _record(
    case: str,
    action: str,
    user: User | None,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:  # Any: JSON
    audit.services.record(
        case=case,
        action=action,
        actor=user or audit.services.SYSTEM,
        before=before,
        after=after,
    )

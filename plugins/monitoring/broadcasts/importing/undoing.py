"""Takes back what an import of broadcasts or audiences did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from base.audit.models import Event
from imports.models import ImportStep
from imports.undoing.steps import Stays, Undo, changed_again, differing, missing
from plugins.monitoring.broadcasts import services
from plugins.monitoring.broadcasts.models import Audience, Broadcast
from plugins.monitoring.broadcasts.selectors import hours_heard
from plugins.monitoring.broadcasts.times import read_month
from plugins.monitoring.streams.models import Station
from review.programmes.models import Episode
from review.programmes.selectors import episode_of
from review.programmes.services import set_episode
from review.programmes.values import as_json
from scanning import selectors
from scanning.models import ScannedFile

_NAMES = ("broadcast", "station", "local_time", "month")


def _file(event: Event) -> ScannedFile:
    file = selectors.files().filter(uid=event.case.partition(":")[2]).first()
    if file is None:
        raise missing()
    return file


def _broadcast(event: Event) -> Broadcast | None:
    """Return the broadcast of an event, if it is still there; its file must be."""
    file = _file(event)
    rows = Broadcast.objects.filter(scanned_file=file, uid=event.after["broadcast"])
    return rows.select_related("station", "scanned_file").first()


def _without_names(values: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    return {name: value for name, value in values.items() if name not in _NAMES}


def delete_broadcast(undo: Undo, event: Event) -> str:
    """Delete a broadcast that the import added and nobody changed."""
    row = _broadcast(event)
    if row is None:
        return ""
    if as_json(row) != _without_names(event.after):
        raise Stays(_("Somebody changed this broadcast since."))
    figures = ImportStep.objects.filter(
        import_uid=undo.import_uid,
        event__action="file.audience_changed",
        event__after__broadcast=row.uid,
    )
    if Audience.objects.filter(broadcast=row).exists() and not figures.exists():
        raise Stays(_("Somebody entered its audience since."))
    uid = row.uid
    services.delete_broadcast(broadcast=row, user=undo.user)
    undo.gone.add(f"broadcast:{uid}")
    return ""


def restore_broadcast(undo: Undo, event: Event) -> str:
    """Give a broadcast its earlier length and showing."""
    row = _broadcast(event)
    if row is None:
        raise missing()
    same, changed = differing(
        as_json(row), _without_names(event.before), _without_names(event.after)
    )
    same.pop("starts_at", None)
    services.change_broadcast(broadcast=row, station=row.station, values=same, user=undo.user)
    return changed_again(changed)


def restore_episode(undo: Undo, event: Event) -> str:
    """Give a file its earlier episode, as far as nobody changed it."""
    file = _file(event)
    row = episode_of(file) or Episode()
    same, changed = differing(as_json(row), event.before, event.after)
    set_episode(scanned_file=file, values=same, user=undo.user)
    return changed_again(changed)


def restore_audience(undo: Undo, event: Event) -> str:
    """Give a broadcast its earlier audience."""
    row = _broadcast(event)
    if row is None:
        return ""
    return _restore_figures(undo, event, {"station": row.station, "broadcast": row, "month": None})


def restore_figures(undo: Undo, event: Event) -> str:
    """Give a station its earlier figures of a month, or of hours."""
    station = Station.objects.filter(uid=event.case.partition(":")[2]).first()
    if station is None:
        raise missing()
    if "month" not in event.after:
        return _restore_hours(undo, event, station)
    month = read_month(event.after["month"])
    return _restore_figures(undo, event, {"station": station, "broadcast": None, "month": month})


def _restore_figures(
    undo: Undo,
    event: Event,
    key_values: dict[str, Any],  # Any: a station, and a month or a broadcast
) -> str:
    row = Audience.objects.filter(**key_values).first() or Audience()
    same, changed = differing(
        as_json(row), _without_names(event.before), _without_names(event.after)
    )
    services.set_audience(values=same, user=undo.user, **key_values)
    return changed_again(changed)


def _restore_hours(undo: Undo, event: Event, station: Station) -> str:
    hours = {text: datetime.fromisoformat(text) for text in event.after | event.before}
    heard = hours_heard(station, min(hours.values()), max(hours.values()))
    now = {text: heard[hour] for text, hour in hours.items() if hour in heard}
    same, changed = differing(now, event.before, event.after)
    if same:
        services.set_hours(
            station=station,
            listeners={hours[text]: figure for text, figure in same.items()},
            user=undo.user,
        )
    return changed_again(changed)

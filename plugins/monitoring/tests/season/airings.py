"""What people of the season say of broadcasts, and what must hold afterwards."""

from __future__ import annotations

import random
from typing import Any

from base.audit.models import Event
from plugins.monitoring.broadcasts import following
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.selectors import list_broadcasts
from plugins.monitoring.broadcasts.services import broadcast_state
from plugins.monitoring.streams.models import Station
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.models import Episode, MusicUse
from review.programmes.values import as_json, state_of
from scanning import uses
from scanning.models import ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

_OF_FILES = (
    *("file.episode_changed", "file.use_changed", "file.broadcast_added"),
    *("file.broadcast_changed", "file.broadcast_deleted"),
)


def tell(person: Person, rng: random.Random) -> None:
    """Say one thing on a page; roles and limits may refuse it."""
    ways = (_episode, _add, _add, _move, _delete, _use, _use, _use_many, _figures)
    rng.choice(ways)(person, rng)


def _some(model: type[Any], rng: random.Random) -> Any:  # Any: a row of the model
    rows = list(model._base_manager.order_by("pk"))
    return rng.choice(rows) if rows else None


def _episode(person: Person, rng: random.Random) -> None:
    file = _some(ScannedFile, rng)
    row = Episode._base_manager.filter(scanned_file=file).first()
    if file is not None:
        seen = state_of(row or Episode()) if rng.random() < 0.8 else "older"
        person.fill_in(
            f"/files/{file.uid}/broadcasts/",
            series=rng.choice(["", "Pier Stories"]),
            title=rng.choice(samples.WORDS),
            seen=seen,
        )


def _add(person: Person, rng: random.Random) -> None:
    file, station = _some(ScannedFile, rng), _some(Station, rng)
    if file is None or station is None:
        return
    # Clocks in Berlin skip one of these times, and show another twice.
    day = rng.choice(["2026-03-29", "2026-10-25", f"2026-11-{rng.randint(1, 30):02}"])
    person.fill_in(
        f"/files/{file.uid}/broadcasts/add/",
        station=station.uid,
        starts_at=f"{day}T02:30",
        occurrence=rng.choice(["", "earlier", "later"]),
        length_ms=rng.choice(["", "0:30:00", "soon"]),
        showing=rng.choice(["", "first_run", "repeat_run"]),
    )


def _delete(person: Person, rng: random.Random) -> None:
    row = _some(Broadcast, rng)
    if row is not None:
        path = f"/files/{row.scanned_file.uid}/broadcasts/{row.uid}/delete/"
        person.fill_in(path, seen=broadcast_state(row))


def _move(person: Person, rng: random.Random) -> None:
    row, station = _some(Broadcast, rng), _some(Station, rng)
    if row is not None:
        person.fill_in(
            f"/files/{row.scanned_file.uid}/broadcasts/{row.uid}/",
            station=station.uid,
            starts_at=f"2026-11-{rng.randint(1, 30):02}T07:00",
            seen=broadcast_state(row),
        )


def _use(person: Person, rng: random.Random) -> None:
    match = _some(Match, rng)
    if match is not None:
        row = MusicUse._base_manager.filter(
            scanned_file=match.scanned_file_id, recording=match.recording_id
        ).first()
        person.open(f"/m/{match.uid}/use")
        person.fill_in(
            f"/m/{match.uid}/use",
            use=rng.choice(["", *CueUse.values]),
            origin=rng.choice(["", *MusicOrigin.values]),
            live=rng.choice(["", "yes", "no"]),
            recorded_in=rng.choice(["", "ch", "XX"]),
            seen=rng.choice([state_of(row or MusicUse()), "older"]),
        )


def _use_many(person: Person, rng: random.Random) -> None:
    """Set the use of several matches at once; what was left alone stays."""
    matches = list(Match._base_manager.order_by("pk"))
    chosen = rng.sample(matches, min(len(matches), rng.randint(1, 4)))
    if not chosen:
        return
    person.fill_in(
        "/queue/decide/",
        verb="use",
        apply="yes",
        use=rng.choice(["", *CueUse.values]),
        origin=rng.choice(["", *MusicOrigin.values]),
        own_recording=rng.choice(["", "yes", "no"]),
        expected=[f"{match.uid}:{match.version}" for match in chosen],
    )


def _figures(person: Person, rng: random.Random) -> None:
    station = _some(Station, rng)
    if station is not None:
        person.fill_in(
            f"/streams/stations/{station.uid}/figures/",
            month=f"2026-{rng.randint(1, 12):02}",
            listeners=rng.choice(["", "0", "400", "-1"]),
        )
        day = rng.choice(["2026-03-29", "2026-10-25", "2026-11-03"])
        path = f"/streams/stations/{station.uid}/hours/"
        person.fill_in(path, day=day, hour_2=rng.choice(["", "0", "40", "many"]))


def airings_hold() -> None:
    """Check that rows say what people said last, whatever scans and rules did since.

    A file keeps the days and territories of its broadcasts for licences.

    A file that was deleted has no broadcasts on any list.
    """
    statements = _said_last()
    fields = {
        **{
            ("episode", str(row.scanned_file.uid), ""): as_json(row)
            for row in Episode._base_manager.select_related("scanned_file")
        },
        **{
            ("use", str(row.scanned_file.uid), row.recording.uid): as_json(row)
            for row in MusicUse._base_manager.select_related("scanned_file", "recording")
        },
        **{
            ("broadcast", str(row.scanned_file.uid), row.uid): as_json(row)
            for row in Broadcast._base_manager.select_related("scanned_file")
        },
    }
    check(fields == statements, f"people said {statements}, the rows say {fields}")
    for file in ScannedFile._base_manager.filter(deleted_at__isnull=True):
        # A job brings the territories of a station up to date later.
        days, kept_days = (
            sorted(file_airing.day for file_airing in airings if file_airing.is_broadcast)
            for airings in (following.find_airings(file), uses.airings_of(file))
        )
        check(days == kept_days, f"{file} was broadcast on {days}, licences read {kept_days}")
    gone = list_broadcasts().filter(scanned_file__deleted_at__isnull=False)
    check(not gone.exists(), f"deleted files are broadcast: {list(gone)}")


def _said_last() -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return what the audit trail says last of each episode, use and broadcast."""
    fields: dict[tuple[str, str, str], dict[str, Any]] = {}
    for event in Event.objects.filter(action__in=_OF_FILES).order_by("pk"):
        file, kind = event.case.partition(":")[2], event.action.split("_")[0][5:]
        named = event.after or event.before
        uid = str(named.get("recording") or named.get("broadcast") or "")
        after = dict(event.after)
        for name in ("recording", "broadcast", "station", "local_time"):
            after.pop(name, None)
        former = str(event.before.get("recording") or uid)
        for uid_of_file in (former, uid):
            fields.pop((kind, file, uid_of_file), None)
        if after:
            fields[kind, file, uid] = after
    return fields

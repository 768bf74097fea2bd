"""What people say of a file while they submit it: its episode, and one broadcast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from broadcasts import services
from broadcasts.errors import BroadcastRefused
from broadcasts.models import Broadcast
from broadcasts.selectors import episode_of
from broadcasts.times import read_start
from broadcasts.values import BroadcastValues, EpisodeValues
from scanning.models import ScannedFile
from streams.models import Station

EPISODE_FIELDS: Final = {
    "series": "series",
    "season": "season",
    "episode": "number",
    "episode_title": "title",
    "production_company": "production_company",
}
"""Fields of forms about the episode, with the names of ``EpisodeValues``."""
BROADCAST_FIELDS: Final = ("station", "starts_at", "showing")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is said of submitted files; a broadcast has both station and values."""

    episode: EpisodeValues = field(default_factory=EpisodeValues)
    station: Station | None = None
    broadcast: BroadcastValues | None = None


def read_arrival(given: Mapping[str, object]) -> Arrival:
    """Return what cleaned fields of a form say.

    ``station`` is a station or None, the others are texts. Raises ``BroadcastRefused``
    for a time that the station does not have, and for a station or time alone.
    """
    episode = EpisodeValues(
        **{
            name: str(given.get(column) or "").strip()
            for column, name in EPISODE_FIELDS.items()
        }
    )
    station = given.get("station")
    text = str(given.get("starts_at") or "").strip()
    showing = str(given.get("showing") or "")
    if not isinstance(station, Station):
        if text or showing:
            raise BroadcastRefused(
                "invalid", _("Choose the station that broadcast it."), field="station"
            )
        return Arrival(episode)
    if not text:
        raise BroadcastRefused(
            "invalid", _("Enter when the broadcast began."), field="starts_at"
        )
    starts_at = read_start(text, station.time_zone)
    return Arrival(episode, station, BroadcastValues(starts_at, showing=showing))


@transaction.atomic
def tell(*, scanned_file: ScannedFile, arrival: Arrival, user: User) -> None:
    """Store the given facts of a file; facts that are not given stay."""
    said = {name: text for name, text in asdict(arrival.episode).items() if text}
    if said:
        now = services.episode_values(episode_of(scanned_file))
        services.set_episode(
            scanned_file=scanned_file, values=replace(now, **said), user=user
        )
    if arrival.station is None or arrival.broadcast is None:
        return
    known = Broadcast.objects.filter(
        scanned_file=scanned_file,
        station=arrival.station,
        starts_at=arrival.broadcast.starts_at,
    )
    if not known.exists():
        services.add_broadcast(
            scanned_file=scanned_file,
            station=arrival.station,
            values=arrival.broadcast,
            user=user,
        )

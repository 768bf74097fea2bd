"""The broadcast that people say of a file while they submit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.accounts.models import User
from plugins.monitoring.broadcasts import services
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.times import read_start
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from scanning.models import ScannedFile

BROADCAST_FIELDS: Final = ("station", "starts_at", "showing")


@dataclass(frozen=True, slots=True)
class SubmittedBroadcast:
    """One broadcast of submitted files."""

    station: Station
    starts_at: datetime
    showing: str

    def store(self, *, scanned_file: ScannedFile, user: User) -> None:
        """Add the broadcast unless the file has it."""
        duplicates = Broadcast.objects.filter(
            scanned_file=scanned_file, station=self.station, starts_at=self.starts_at
        )
        if not duplicates.exists():
            self.add(scanned_file=scanned_file, user=user)

    def add(self, *, scanned_file: ScannedFile, user: User) -> None:
        """Add the broadcast. Raises ``ProgrammeRefused`` if the file has it."""
        values = {"starts_at": self.starts_at, "showing": self.showing}
        services.add_broadcast(
            scanned_file=scanned_file, station=self.station, values=values, user=user
        )


class BroadcastReader:
    """Reads the fields of a broadcast."""

    label = gettext_lazy("Broadcast")
    fields = BROADCAST_FIELDS

    def read(self, form_values: Mapping[str, object]) -> SubmittedBroadcast | None:
        """Return the broadcast that cleaned fields of a form name.

        ``station`` is a station or None, the others are texts. Raises
        ``ProgrammeRefused`` for a time that the station does not have, and for a station
        or time alone.
        """
        station = form_values.get("station")
        text = str(form_values.get("starts_at") or "").strip()
        showing = str(form_values.get("showing") or "")
        if not isinstance(station, Station):
            if text or showing:
                raise ProgrammeRefused(
                    "invalid", _("Choose the station that broadcast it."), field="station"
                )
            return None
        if not text:
            raise ProgrammeRefused(
                "invalid", _("Enter when the broadcast began."), field="starts_at"
            )
        starts_at = read_start(text, station.time_zone)
        return SubmittedBroadcast(station, starts_at, showing)

"""Tables of broadcasts."""

from __future__ import annotations

import random

from plugins.monitoring.streams.models import Station
from scanning.models import ScannedFile
from tests.season import samples
from tests.season.people import Person
from tests.season.undoing import Row


def broadcasts(person: Person, rng: random.Random) -> list[Row]:
    """Return rows that say when stations broadcast some files."""
    present = ScannedFile.objects.present().order_by("pk")
    if person.is_limited:
        # They would type a name that they do not know.
        present = present.exclude(name__contains=samples.HIDDEN)
    files = list(present)
    stations = list(Station._base_manager.order_by("pk"))
    some = rng.sample(files, min(len(files), rng.randint(1, 3)))
    return [
        {
            "file_name": file.name,
            "station": rng.choice(stations).name,
            "starts_at": f"2026-11-{rng.randint(1, 28):02} 07:00",
            "length": "0:30:00",
            "series": rng.choice(samples.WORDS),
        }
        for file in some
        if stations
    ]

"""What this capability adds to the season."""

from __future__ import annotations

import random

from catalogue.models import Recording
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Work
from plugins.rights.models import RightsImport
from plugins.rights.tests import season
from tests.season.machine import ENDS, WORK, Season
from tests.season.people import Person
from tests.season.routes import NAMED
from tests.season.samples import FILES
from tests.season.steps import KINDS, Kind


def bring_rights(day: Season, person: Person, rng: random.Random) -> bool:
    """Import a message of rights, and again: the second time changes nothing."""
    season.bring(day.installation.folder, rng, day.note)
    return False


def handle_rights(day: Season, person: Person, rng: random.Random) -> bool:
    """Do something with works, parties, shares or conflicts on their pages."""
    season.handle(person, rng)
    return True


NAMED.register(
    {
        "rights/import/<str:uid>": (RightsImport, "uid"),
        "rights/of/<str:uid>": (Recording, "uid"),
        "rights/works/<str:uid>": (Work, "uid"),
        "rights/parties/<str:uid>": (Party, "uid"),
        "rights/releases/<str:uid>": (Release, "uid"),
        "rights/recordings/<str:uid>": (RightsRecording, "uid"),
        "rights/conflicts/<str:uid>": (Conflict, "uid"),
    }
)
KINDS.register({"bring_rights": Kind(3, bring_rights), "handle_rights": Kind(8, handle_rights)})
WORK.register(
    dict.fromkeys(
        (
            "rights/works/<str:uid>/",
            "rights/conflicts/<str:uid>/",
            "rights/import/",
            "rights/parties/<str:uid>/edit/",
            "rights/import/<str:uid>/",
        ),
        1,
    )
)
ENDS.register({"rights": lambda _: season.rights_hold()})
FILES.register({"/rights/": season.some_rights})

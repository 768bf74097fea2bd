"""What this capability adds to the season."""

from __future__ import annotations

import random

from plugins.moving.models import EngineTrial, MoveIn
from plugins.moving.tests.season import moving, trials
from tests.season.machine import ENDS, Season
from tests.season.people import Person
from tests.season.routes import NAMED
from tests.season.steps import KINDS, Kind
from tests.season.undoing import FOR_ADMINS


def move_in(season: Season, person: Person, rng: random.Random) -> bool:
    """Move the cloud account in, where the person may."""
    moving.bring(person, season.people["adam"], rng, season.machines.work, season.note)
    return False


def run_both_engines(season: Season, person: Person, rng: random.Random) -> bool:
    """Take a trial of both engines one step on."""
    trials.handle(person, season.people["adam"], rng, season.machines.work)
    return False


NAMED.register(
    {"catalogue/move-in/<str:uid>": (MoveIn, "uid"), "trials/<str:uid>": (EngineTrial, "uid")}
)
KINDS.register({"move_in": Kind(2, move_in), "run_both_engines": Kind(8, run_both_engines)})
ENDS.register({"trials": lambda _: trials.trials_hold()})
FOR_ADMINS.register({"move in": MoveIn})

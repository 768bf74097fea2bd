"""What this capability adds to the season."""

from __future__ import annotations

import random

from plugins.filling.models import EnrichmentSource, FillingRule, KnownDifference, Suggestion
from plugins.filling.tests import season
from tests.season.machine import ENDS, Season
from tests.season.people import Person
from tests.season.routes import NAMED
from tests.season.steps import KINDS, Kind
from tests.season.world import BEGINNINGS


def bring_open_data(day: Season, person: Person, rng: random.Random) -> bool:
    """Read a list of ours, and search in it, twice: the second time changes nothing."""
    season.bring(day.installation.folder, rng, day.note)
    return False


def fill_in(day: Season, person: Person, rng: random.Random) -> bool:
    """Accept, reject, undo, or let a rule accept suggestions."""
    season.handle(person, rng)
    season.suggestions_hold()
    return True


def send_a_list(day: Season, person: Person, rng: random.Random) -> bool:
    """Send a list of ours by its page, and decide on what it suggests."""
    season.send(person, day.people["adam"], rng, day.machines.work)
    season.suggestions_hold()
    return False


NAMED.register(
    {
        "catalogue/fill-in/suggestions/<str:uid>": (Suggestion, "uid"),
        "catalogue/fill-in/rules/<str:uid>": (FillingRule, "uid"),
        "catalogue/fill-in/differences/<str:uid>": (KnownDifference, "uid"),
        "catalogue/fill-in/sources/<str:uid>": (EnrichmentSource, "uid"),
    }
)
KINDS.register(
    {
        "bring_open_data": Kind(2, bring_open_data),
        "fill_in": Kind(6, fill_in),
        "send_a_list": Kind(3, send_a_list),
    }
)
BEGINNINGS.register({"open data": season.forget_indexes})
ENDS.register(
    {"suggestions": lambda _: season.suggestions_hold(), "lists": lambda _: season.lists_hold()}
)

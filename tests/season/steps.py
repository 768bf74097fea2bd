"""The kinds of steps, how often each is taken, and by whom."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Reviewers do most of the work.
_NAMES = (
    *("ana", "ana", "ana", "ben", "ben", "mira", "mira", "mira", "max", "adam", "adam"),
    *("lena", "lou", "vera"),
)
# The relative frequency of each kind of step.
KINDS = {
    "use_a_page": 30,
    "use_an_old_page": 12,
    "decide": 25,
    "follow_a_link": 6,
    "call_an_api": 12,
    "work": 8,
    "time_passes": 5,
    "called_back": 3,
    "drop_files": 3,
    "bring_rights": 3,
    "import_a_table": 2,
    "move_in": 2,
    "undo_an_import": 3,
    "send_from_the_outbox": 6,
    "handle_rights": 8,
    "handle_claims": 6,
    "tell_of_broadcasts": 8,
    "handle_notices": 6,
    "meet_later_scans": 4,
    "meet_versions": 3,
    "work_on_many": 5,
    "bring_open_data": 2,
    "fill_in": 6,
    "send_a_list": 3,
    "say_where": 8,
    "search_otherwise": 2,
    "handle_policies": 8,
    "handle_schedules": 5,
    "change_grounds": 8,
    "change_with_a_preview": 8,
    "submit_links": 3,
    "replace_audio": 3,
    "retire_during_a_scan": 1,
    "choose_reading": 3,
    "assign_matches": 4,
    "walk_through_programmes": 4,
    "arrange_sheets": 10,
    "correct_statements": 5,
    "run_both_engines": 8,
    "meet_limits": 2,
    "restart": 1,
    "run_without_monitoring": 0.5,
    "change_machines": 3,
    "stations_are_heard": 5,
    "run_a_command": 2,
    "back_up_and_restore": 0.5,
    "look_around": 3,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its kind, its person, and a number that decides the rest."""

    kind: str
    name: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{self.seed}"

    @classmethod
    def read(cls, text: str) -> Step:
        """Read a step in its printed form."""
        kind, name, seed = text.split(":")
        return cls(kind, name, int(seed))

    @classmethod
    def draw(cls, rng: random.Random) -> Step:
        """Draw a random step."""
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        return cls(kind, rng.choice(_NAMES), rng.randrange(2**32))

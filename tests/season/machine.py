"""The season: steps that whole teams take on one installation.

A step is a kind, a name and a number; the number decides the page, form or object.
Omitting other steps does not change the meaning of a step, so a failure can be reduced
to the few steps that cause it (``tests.season.play``).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import time_machine
from django.db import connections

from review.models import Match
from tests.registered import SEASON, Table
from tests.season import (
    arrivals,
    assignments,
    browsing,
    calls,
    checks,
    edits,
    grounds,
    later_scans,
    limits,
    links,
    many,
    moves,
    operators,
    policies,
    programmes,
    readers,
    recordings,
    schedules,
    sendings,
    sheets,
    statements,
    undoing,
    uses,
    versions,
    workers,
    world,
)
from tests.season.installation import Installation
from tests.season.invariants import Records, check
from tests.season.machines import Machines
from tests.season.people import Person, everybody
from tests.season.routes import pages, routes
from tests.season.steps import KINDS, Kind, Step
from tests.write_locks import Holds

# Pages where most of the work is done, and how often each is drawn.
WORK: Table[str, int] = Table(
    {
        "m/<str:uid>": 3,
        **dict.fromkeys(
            (
                *("queue/", "files/<uuid:uid>/", "catalogue/recordings/<str:uid>/"),
                *("upload/", "reports/", "licences/<str:uid>/", "policies/<str:uid>/"),
                *("duplicates/", "duplicates/g/<str:uid>/", "matches/", "links/"),
                *("exclusions/<str:uid>/approve/", "m/<str:uid>/evidence"),
                "admin/review/match/",
                "admin/review/match/<path:object_id>/change/",
            ),
            1,
        ),
    },
    SEASON,
)


ENDS: Table[str, Callable[[Season], None]] = Table({}, SEASON)
"""What plug-ins check at the end of a day, once all work is done."""
STATED: Table[str, Callable[[Season], None]] = Table({}, SEASON)
"""What must hold of statements after decisions were carried over, by plug-in."""


class Season:
    """Teams at work on one installation, from the same initial world each time."""

    def __init__(
        self,
        installation: Installation,
        spare: workers.Spare,
        note: Callable[[str], None],
        holds: Holds,
    ) -> None:
        self.diary: list[str] = []
        self._told = note
        self._holds = holds
        self.installation = installation
        installation.begin_again()
        world.find_cloud()
        for begin in world.BEGINNINGS.values():
            begin()
        self._clock = time_machine.travel(world.BEGINS, tick=True)
        self.time = self._clock.start()
        self.machines = Machines(self.time, spare)
        self._followed: list[links.Followed] = []
        self._unsent: list[sendings.Sending] = []
        self.people = everybody(self.note)
        self._records = Records.begin()
        self._pages = tuple(pages())
        self._work_pages = tuple(
            route for route in self._pages for _time in range(WORK.get(route.route, 0))
        )
        self._apis = tuple(
            (route, method)
            for route in routes()
            if route.part in ("wire", "portal API")
            for method in route.address.methods
        )

    def take(self, step: Step) -> None:
        """Take one step, then check all invariants."""
        self.note(f"--- {step}")
        with self._telling():
            rng = random.Random(step.seed)
            acted = KINDS[step.kind].take(self, self.people[step.name], rng)
            self._records.check_step({step.name} if acted else None)
            self._check_locks()

    def end(self) -> None:
        """End the day: finish all work, then check that everything agrees."""
        self.note("--- the end")
        with self._telling():
            rng = random.Random(len(self.diary))
            checks.nothing_waits_for_ever(self.time, self.machines)
            checks.no_search_is_left()
            links.check_followed(self.people, self._followed)
            recordings.recordings_hold()
            versions.versions_hold()
            readers.check_zones_are_kept()
            schedules.schedules_hold()
            uses.licences_hold()
            moves.licences_cover_what_they_clear()
            grounds.licences_cover_what_they_keep()
            uses.no_licence_outlives_its_time()
            sheets.sheets_hold()
            for holds in ENDS.values():
                holds(self)
            statements.are_compared()
            self._records.check_step(None)
            checks.figures_agree(self.people, rng)
            checks.every_file_adds_up()
            checks.every_page_opens(self.people, self._pages, rng)
            checks.reports_repeat(self.people["mira"])
            checks.mails_hold_what_they_say()
            checks.nothing_leaves_that_its_owner_cannot_see()
            checks.partitions_agree(self.machines, self.people["mira"], rng)
            checks.chains_hold()
            self._check_locks()

    def _check_locks(self) -> None:
        slow = self._holds.take_found()
        check(not slow, "\n".join(slow))

    def close(self) -> Counter[tuple[str, str]]:
        """Release the clock; return the addresses that were reached."""
        self._clock.stop()
        reached: Counter[tuple[str, str]] = Counter()
        for person in self.people.values():
            reached.update(person.reached)
        return reached

    def note(self, line: str) -> None:
        """Write a line into the diary."""
        self.diary.append(line)
        self._told(line)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            error.add_note("What happened last:\n  " + "\n  ".join(self.diary[-40:]))
            raise

    # --- Steps: each returns whether only the person acted in it --------------------

    def use_a_page(self, person: Person, rng: random.Random) -> bool:
        """Open a page and send one of its forms."""
        route = rng.choice(self._work_pages if rng.random() < 0.6 else self._pages)
        path = route.path(rng)
        if path is None:
            return True
        answer = person.open(path)
        if answer.is_page and answer.status < 400:
            browsing.send_some_form(person, person.tabs[0], rng)
        return True

    def use_an_old_page(self, person: Person, rng: random.Random) -> bool:
        """Send a form of a page that has been open while others worked."""
        page = person.some_tab(rng)
        if page is not None:
            browsing.send_some_form(person, page, rng)
        return True

    def decide(self, person: Person, rng: random.Random) -> bool:
        """Decide a match on its page, the most common work of the day."""
        browsing.decide(person, rng)
        return True

    def follow_a_link(self, person: Person, rng: random.Random) -> bool:
        """Follow a link of an open page."""
        browsing.follow_a_link(person, rng)
        return True

    def call_an_api(self, person: Person, rng: random.Random) -> bool:
        """Call one of the APIs with a person's token."""
        route, method = rng.choice(self._apis)
        if (route.route, method) in calls.destructive() and rng.random() > browsing.SELDOM:
            return True
        calls.call(person, route, method, rng)
        return True

    def work(self, person: Person, rng: random.Random) -> bool:
        """Let a worker do queued work; sometimes kill it on the way."""
        if rng.random() < 0.15:
            self.note("a worker is killed")
            connections.close_all()
            self.machines.work_until_killed(rng)
        else:
            self.note("a worker works")
            self.machines.work()
        return False

    def time_passes(self, person: Person, rng: random.Random) -> bool:
        """Let minutes, hours or days pass."""
        minutes = rng.choice([1, 5, 16, 16, 60, 60 * 13, 60 * 24, 60 * 24 * 8])
        self.time.shift(timedelta(minutes=minutes))
        self.note(f"{minutes} minutes pass: {datetime.now(tz=UTC)}")
        return False

    def called_back(self, person: Person, rng: random.Random) -> bool:
        """Send a result as ACRCloud, or as a stranger who knows an address."""
        arrivals.call_back(self.people["adam"], rng)
        return False

    def drop_files(self, person: Person, rng: random.Random) -> bool:
        """Put a file into the drop as another program, sometimes with a sidecar."""
        arrivals.drop(self.installation.drops, rng, self.note)
        return False

    def import_a_table(self, person: Person, rng: random.Random) -> bool:
        """Import a table."""
        undoing.bring(person, rng, self.machines.work)
        return False

    def undo_an_import(self, person: Person, rng: random.Random) -> bool:
        """Undo a whole import, whatever people did with its rows meanwhile."""
        undoing.undo(person, rng, self.note)
        return False

    def send_from_the_outbox(self, person: Person, rng: random.Random) -> bool:
        """Decide without a network, or send such a decision some steps later."""
        if self._unsent and rng.random() < 0.6:
            sending = self._unsent.pop(rng.randrange(len(self._unsent)))
            sendings.send_twice(person, sending)
        elif written := sendings.write(rng):
            self._unsent.append(written)
        return True

    def meet_later_scans(self, person: Person, rng: random.Random) -> bool:
        """Look at replaced matches, reopen carried decisions, merge between scans."""
        later_scans.handle(person, self.people["max"], rng, self.machines.work)
        for holds in STATED.values():
            holds(self)
        return False

    def meet_versions(self, person: Person, rng: random.Random) -> bool:
        """Find another version in the same seconds, switch matches, answer for pairs."""
        versions.handle(person, self.people["max"], rng, self.machines.work)
        return False

    def work_on_many(self, person: Person, rng: random.Random) -> bool:
        """Decide many matches, act on many files, or name a part of a file."""
        many.handle(person, rng)
        return True

    def say_where(self, person: Person, rng: random.Random) -> bool:
        """Say where files are used, or license uses by territory."""
        uses.say(person, rng)
        uses.licences_hold()
        return True

    def search_otherwise(self, person: Person, rng: random.Random) -> bool:
        """Change how far a container searches for edited music."""
        edits.search_otherwise(self.people["adam"], rng, self.machines.work)
        return False

    def handle_policies(self, person: Person, rng: random.Random) -> bool:
        """Take a policy one step on: write, try, switch, apply or undo it."""
        policies.handle(person, rng)
        return True

    def handle_schedules(self, person: Person, rng: random.Random) -> bool:
        """Plan a report, change its schedule, run it at once, or let its time come."""
        if is_due := rng.random() < 0.2:
            schedules.let_a_week_end(rng, self.time, self.machines)
        else:
            schedules.handle(person, rng)
        schedules.schedules_hold()
        return not is_due

    def change_grounds(self, person: Person, rng: random.Random) -> bool:
        """Change what rules read of matches, around decisions and their undo."""
        if rng.random() < 0.75:
            moves.change(person, rng)
        else:
            moves.undo_after_an_application(person, rng)
        moves.licences_cover_what_they_clear()
        uses.licences_hold()
        return True

    def change_with_a_preview(self, person: Person, rng: random.Random) -> bool:
        """Change a ground whose preview must have said what happens."""
        grounds.change(person, rng)
        grounds.licences_cover_what_they_keep()
        return True

    def submit_links(self, person: Person, rng: random.Random) -> bool:
        """Submit links together; their page follows them to the end of the season."""
        followed = links.submit(person, rng)
        if followed is not None:
            self._followed.append(followed)
        # Everybody's pages ask.
        links.check_followed(self.people, self._followed)
        return False

    def replace_audio(self, person: Person, rng: random.Random) -> bool:
        """Replace the audio of a recording."""
        recordings.replace_audio(person, rng)
        return True

    def retire_during_a_scan(self, person: Person, rng: random.Random) -> bool:
        """Retire a recording while a worker scans a file that contains it."""
        recordings.retire_during_a_scan(person, rng, self.machines.work)
        return False

    def assign_matches(self, person: Person, rng: random.Random) -> bool:
        """Assign matches, also to people who may not see them."""
        assignments.assign(person, rng)
        return True

    def walk_through_programmes(self, person: Person, rng: random.Random) -> bool:
        """Enter what is heard in a file, or take a step with its cue sheet."""
        programmes.walk(person, rng)
        return True

    def correct_statements(self, person: Person, rng: random.Random) -> bool:
        """Keep, withdraw or download a statement, of those to correct or of all."""
        statements.correct(person, rng)
        return False

    def arrange_sheets(self, person: Person, rng: random.Random) -> bool:
        """Arrange a cue sheet, some of the time with somebody else."""
        other_person = self._choose_colleague(person, rng)
        sheets.arrange(person, other_person, rng, self.machines.work)
        return False

    def meet_limits(self, person: Person, rng: random.Random) -> bool:
        """Ask too often, or announce more uploads than there is room for."""
        if rng.random() < 0.5:
            # The other person acts, too, and may have to sign in again.
            limits.ask_too_often(person, self._choose_colleague(person, rng))
            return False
        limits.send_too_much(person, rng)
        return True

    def restart(self, person: Person, rng: random.Random) -> bool:
        """Restart the portal while a preview is open, then decide in that preview."""
        matches = list(Match._base_manager.order_by("pk"))
        match = rng.choice(matches) if matches else None
        if match is not None:
            person.open(f"/m/{match.uid}/preview")
        self.note("the portal restarts")
        self.installation.restart()
        page = person.tabs[0] if person.tabs else None
        if page is not None:
            browsing.send_some_form(person, page, rng)
        return True

    def choose_reading(self, person: Person, rng: random.Random) -> bool:
        """Choose a language and a time zone."""
        readers.choose(person, rng)
        return True

    def change_machines(self, person: Person, rng: random.Random) -> bool:
        """Split the catalogue in another way, or switch a machine off or on."""
        self.note(self.machines.change(rng))
        return False

    def run_a_command(self, person: Person, rng: random.Random) -> bool:
        """Run a management command as an operator."""
        operators.run(rng.choice(operators.COMMANDS), self.note)
        return False

    def back_up_and_restore(self, person: Person, rng: random.Random) -> bool:
        """Lose the disk and restore the operator's backup."""
        folder = str(self.installation.backups)
        operators.run(("backup", folder), self.note)
        self.installation.lose_everything()
        operators.run(("restore", folder), self.note)
        operators.run(("restore", folder, "--compare"), self.note)
        operators.check_quiet(self.machines.work)
        if rng.random() < 0.3:
            operators.run(("installation", "--copy"), self.note)
            operators.check_quiet(self.machines.work)
        # The other one is lost, so that this is the one that sends and fetches.
        operators.run(("installation", "--real"), self.note)
        operators.run(("doctor", "--fix"), self.note)
        # Backups hold no sessions.
        for member in self.people.values():
            member.sign_in()
        return False

    def look_around(self, person: Person, rng: random.Random) -> bool:
        """Compare the figures of pages, lists, reports and the database."""
        checks.figures_agree(self.people, rng)
        for path in ("/healthz", "/readyz", "/metrics"):
            person.open(path)
        return False

    # --- Helpers of the steps -----------------------------------------------------

    def _choose_colleague(self, person: Person, rng: random.Random) -> Person:
        return rng.choice([candidate for candidate in self.people.values() if candidate != person])


_WEIGHTS = {
    "use_a_page": 30,
    "use_an_old_page": 12,
    "decide": 25,
    "follow_a_link": 6,
    "call_an_api": 12,
    "work": 8,
    "time_passes": 5,
    "called_back": 3,
    "drop_files": 3,
    "import_a_table": 2,
    "undo_an_import": 3,
    "send_from_the_outbox": 6,
    "meet_later_scans": 4,
    "meet_versions": 3,
    "work_on_many": 5,
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
    "meet_limits": 2,
    "restart": 1,
    "change_machines": 3,
    "run_a_command": 2,
    "back_up_and_restore": 0.5,
    "look_around": 3,
}
KINDS.register({name: Kind(weight, getattr(Season, name)) for name, weight in _WEIGHTS.items()})

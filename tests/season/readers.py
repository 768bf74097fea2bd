"""How people of the season read: in which language, and in which time zone.

An instant is the same one for everybody: pages show it in the reader's zone, and a day of
a list begins and ends where its address says, whoever opens it. Days have 23, 24 or 25
hours; none of their matches is lost, and none is listed twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import QueryDict

from base.accounts.models import User
from reports.models import ReportSchedule
from review.models import Match, SavedView
from tests.season.invariants import check

if TYPE_CHECKING:
    from tests.season.people import Person

LANGUAGES = ("", "en", "de", "fr", "es")
# The clocks of the first four change while the season lasts, those of Havana at midnight.
ZONES = (
    *("Europe/Berlin", "America/New_York", "America/Havana", "Africa/Cairo"),
    *("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "UTC"),
)
_PATH = "/accounts/language/"


def choose(person: Person, rng: random.Random) -> None:
    """Choose a language and a zone; every saved view goes on holding the same."""
    views = list(SavedView.objects.filter(owner=person.user).order_by("pk"))
    before = [person.read_list(f"/queue/?{view.query}") for view in views]
    person.open(_PATH)
    person.fill_in(
        _PATH, language=rng.choice(LANGUAGES), time_zone=rng.choice([*ZONES, "", "Mars/Olympus"])
    )
    person.zone = zone_of(person.user)
    for view, uids in zip(views, before, strict=True):
        # Days counted from now move on; those of a calendar do not.
        if "due=" not in view.query:
            again = person.read_list(f"/queue/?{view.query}")
            check(again == uids, f"{view.name} ({view.query}): {uids}, then {again}")


@contextmanager
def english(person: Person) -> Iterator[None]:
    """Let a person read English in the block, as checks of words do."""
    row = User.objects.filter(username=person.name)
    before = row.values_list("language", flat=True).get()
    row.update(language="en")
    try:
        yield
    finally:
        row.update(language=before)


def check_days(reader: Person, other_person: Person, rng: random.Random) -> None:
    """Check that days of a list hold its matches once, whoever opens the address."""
    zone = ZoneInfo(rng.choice(ZONES))
    # Days around the changes of clocks, and today.
    first = rng.choice([date(2026, 10, 24), date(2026, 10, 29), date(2026, 10, 31)])
    days = [first + timedelta(days=number) for number in range(3)]
    faults: list[str] = []
    for day in days:
        query = {"found_from": day, "found_until": day, "zone": zone.key}
        uids = reader.read_list(f"/matches/?{urlencode(query)}")
        again = other_person.read_list(f"/matches/?{urlencode(query)}")
        check(uids == again, f"{day} of {zone} for two people: {uids}, {again}")
        faults += uids
    live = set(reader.read_list("/matches/?"))
    there = [
        match.uid
        for match in Match._base_manager.filter(uid__in=live)
        if match.created_at.astimezone(zone).date() in days
    ]
    check(sorted(faults) == sorted(there), f"{days} of {zone}: {faults}, not {there}")


def check_zones_are_kept() -> None:
    """Check that saved days have a zone that is known, and schedules their hour."""
    for view in SavedView.objects.exclude(query=""):
        named = QueryDict(view.query).get("zone") or "UTC"
        check(named in ZONES, f"{view.name} ({view.query}) counts days of {named}")
    for schedule in ReportSchedule.objects.all():
        at = schedule.next_run_at.astimezone(UTC)
        whole = (at.hour, at.minute, at.second)
        check(whole == (schedule.hour, 0, 0), f"{schedule} at {schedule.hour} runs {at}")


def zone_of(user: User) -> str:
    """Return the zone that a person's pages have."""
    return user.time_zone or str(settings.TIME_ZONE)

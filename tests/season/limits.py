"""People who ask too often, or send more than they may have unfinished."""

from __future__ import annotations

import random

from django.core.cache import caches
from django.test import override_settings

from scanning.services.quotas import unfinished_bytes
from tests.season import samples
from tests.season.calls import begin_upload
from tests.season.invariants import check
from tests.season.people import Person

_UPLOADS = "/api/portal/v1/uploads/"
_MOST_UPLOADS = 30


def ask_too_often(person: Person, other_person: Person) -> None:
    """Open a page until the person is stopped; nobody else is."""
    if not (person.user.is_active and other_person.user.is_active):
        return
    # As after a restart, so that nothing is left of an earlier step.
    caches["process"].clear()
    with override_settings(ACRPORTAL_RATE_LIMITS=True, ACRPORTAL_PAGE_RATE=0.1):
        statuses = [person.open("/").status for _ in range(6)]
        check(statuses[-1] == 429, f"{person.name} is never stopped: {statuses}")
        status = other_person.open("/").status
        check(status != 429, f"{other_person.name} is stopped for what {person.name} did")


def send_too_much(person: Person, rng: random.Random) -> None:
    """Announce uploads until the person has no room; what is there stays within it."""
    largest = max(len(samples.programme(n)) for n in range(samples.PROGRAMMES))
    limit = unfinished_bytes(person.user) + largest
    with override_settings(ACRPORTAL_UNFINISHED_BYTES=limit):
        statuses = [201]
        # A small upload may still fit where a large one was refused.
        while statuses[-1] == 201 and len(statuses) < _MOST_UPLOADS:
            statuses.append(begin_upload(person, _UPLOADS, rng).status)
        check(statuses[-1] != 201, f"{person.name} announces without end: {statuses}")
        held = unfinished_bytes(person.user)
        check(held <= limit, f"{person.name} has {held:,} bytes unfinished of {limit:,}")

"""Links that people of the season submit together, and follow until all have ended."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lxml import html

from base.accounts.reach import working_for
from scanning.choices import ACTIVE_FILE_STATUSES
from scanning.models import Container, ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

# htmx stops asking when an answer has this status.
_STOPPED = 286


@dataclass(frozen=True, slots=True)
class Followed:
    """The address that a page of submitted links asks every two seconds."""

    person: str
    address: str


def submit(person: Person, rng: random.Random) -> Followed | None:
    """Submit links; return what their page follows, None if nothing was accepted."""
    containers = list(Container.objects.present().order_by("pk"))
    answer = person.fill_in(
        "/links/",
        container=rng.choice(containers).pk,
        links="\n".join(rng.sample(samples.TEXTS["links"], 2)),
        **({"scan_again": "on"} if rng.random() < 0.5 else {}),
    )
    if answer.status != 200:
        return None
    followed = html.document_fromstring(answer.content).xpath("//main//@hx-get")
    addresses = [str(link) for link in followed if "?sent=" in link]
    if not addresses:
        return None
    return Followed(person.name, addresses[0])


def check_followed(people: dict[str, Person], followed: list[Followed]) -> None:
    """Check that a page asks on exactly as long as one of its files is at work."""
    for link in followed:
        person = people[link.person]
        answer = person.open(link.address)
        uids = link.address.partition("?sent=")[2].split("+")
        with working_for(person.user):
            files = ScannedFile.objects.present().filter(uid__in=filter(None, uids))
            going = list(files.filter(status__in=ACTIVE_FILE_STATUSES))
        check(
            (answer.status == _STOPPED) == (not going),
            f"{link}: {answer.status}, and {going} are at work",
        )

"""Work on many matches or files at once, and on parts of a file that people pick.

A decision on many writes one event for each match that its result names, and none for
another; undoing takes back these. An action on files reaches none that its preview left
out. What somebody names in a file is on its sheet.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from lxml import html

from base.accounts.models import User
from base.audit.models import Event
from base.common.reading import read_clock
from catalogue.models import Bucket, Recording
from reports.models import EntryKind
from review.choices import RejectCode, Verb
from review.decisions.verbs import PROPOSE
from review.models import Match
from scanning.models import ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Answer, Person
from tests.season.programmes import check_on_sheet

_MOST = 6
_VERBS = (Verb.CONFIRM, Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.ESCALATE)
_FILE_VERBS = ("rescan", "rescan", "tag", "episode", "assign", "move", "delete")


def handle(person: Person, rng: random.Random) -> None:
    """Decide on many, act on many files, or say what a part of a file holds."""
    # Whoever was away too long signs in first, so that previews are shown.
    person.open("/")
    rng.choice((_decide, _decide, _act_on_files, _name_a_range, _add_a_range, _expect))(person, rng)


def _decide(person: Person, rng: random.Random) -> None:
    """Preview and make a decision on some matches, some from an old list; undo it."""
    live = list(Match._base_manager.order_by("pk"))
    if not live:
        return
    chosen = rng.sample(live, min(len(live), rng.randint(2, _MOST)))
    verb = rng.choice(_VERBS)
    fields: dict[str, object] = {
        "verb": verb.value,
        "expected": [f"{match.uid}:{match.version - (rng.random() < 0.05)}" for match in chosen],
    }
    person.fill_in("/queue/decide/", **fields)
    code = rng.choice(list(RejectCode)).value if verb == Verb.REJECT else ""
    fields |= {"apply": "yes", "note": "Decided together.", "code": code}
    done = _decided(person, {verb.value, PROPOSE}, fields)
    if done and rng.random() < 0.5:
        undo = {"verb": "undo", "apply": "yes", "expected": " ".join(done)}
        _decided(person, {Verb.UNDO.value}, undo)


def _decided(person: Person, actions: set[str], fields: Mapping[str, object]) -> list[str]:
    """Send a decision on many; return the matches that its result says are done.

    Each is its uid with its version, as the button that undoes them sends it.
    """
    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    answer = person.fill_in("/queue/decide/", **fields)
    events = Event.objects.filter(pk__gt=newest, action__in=actions, actor_name=person.name)
    document = html.document_fromstring(answer.content)
    done = set(_uids(document, "done-title", "/m/"))
    made = sorted(events.values_list("case", flat=True))
    check(
        made == sorted(f"match:{uid}" for uid in done),
        f"the result says {sorted(done)}, the events {made}",
    )
    packed = document.xpath(
        "//form[input[@name='verb' and @value='undo']]/input[@name='expected']/@value"
    )
    return [pair for text in packed for pair in str(text).split()]


def _act_on_files(person: Person, rng: random.Random) -> None:
    """Preview an action on some files, and confirm it."""
    files = list(ScannedFile.objects.present().order_by("pk"))
    verb = rng.choice(_FILE_VERBS)
    if verb == "move":
        # What is hidden stays at its desk, or nobody could tell it from what leaks.
        files = [file for file in files if samples.HIDDEN not in file.name]
    if not files or (verb == "delete" and rng.random() < 0.7):
        return
    chosen = rng.sample(files, min(len(files), rng.randint(2, 4)))
    fields: dict[str, object] = {"verb": verb, "file": [file.uid for file in chosen]}
    going = _files(person.fill_in("/files/many/", **fields), "going-title")
    people = User.objects.filter(is_active=True).order_by("pk")
    done = _files(
        person.fill_in(
            "/files/many/",
            apply="yes",
            tags=rng.choice(samples.WORDS),
            territories=rng.choice(["DE", "FR"]),
            series=rng.choice(samples.WORDS),
            season=rng.choice(["", "2"]),
            assignee=rng.choice(list(people)).pk,
            container=rng.choice(files).container_id,
            reason="Not needed.",
            **fields,
        ),
        "done-title",
    )
    check(done <= going, f"{verb}: the preview says {going}, done is {done}")


def _files(answer: Answer, section: str) -> set[str]:
    document = html.document_fromstring(answer.content)
    return set(_uids(document, section, "/files/"))


def _uids(document: html.HtmlElement, section: str, start: str) -> list[str]:
    """Return the uids that links in a section of a page name."""
    links = document.xpath(f"//section[@aria-labelledby='{section}']//a/@href")
    return [
        str(link).removeprefix(start).partition("?")[0].strip("/")
        for link in links
        if str(link).startswith(start)
    ]


def _some_range(rng: random.Random) -> tuple[ScannedFile, dict[str, str]] | None:
    files = list(ScannedFile.objects.present().order_by("pk"))
    if not files:
        return None
    file = rng.choice(files)
    start = rng.randrange(0, max(file.length_ms, 10_000), 500)
    end = start + rng.choice((1_000, 5_000, 8_000))
    return file, {"start": read_clock(start, digits=3), "end": read_clock(end, digits=3)}


def _name_a_range(person: Person, rng: random.Random) -> None:
    """Say what is heard in a range, by a recording or a title, or only note something."""
    picked = _some_range(rng)
    if picked is None:
        return
    file, times = picked
    recordings = list(Recording._base_manager.order_by("pk"))
    person.fill_in(
        f"/files/{file.uid}/range/?start={times['start']}&end={times['end']}",
        verb=rng.choice(EntryKind.values),
        recording=rng.choice(["", rng.choice(recordings).uid]),
        title=rng.choice(samples.WORDS),
        **times,
    )
    check_on_sheet(file)


def _add_a_range(person: Person, rng: random.Random) -> None:
    """Add the sound of a range to the catalogue; its bucket may have it already."""
    picked = _some_range(rng)
    buckets = list(Bucket.objects.present().order_by("pk"))
    if picked is None:
        return
    file, times = picked
    address = f"/files/{file.uid}/range/recording/"
    person.fill_in(
        f"{address}?start={times['start']}&end={times['end']}",
        title=rng.choice(samples.WORDS),
        bucket=rng.choice(buckets).pk,
        if_there=rng.choice(["", "ignore"]),
        **times,
    )


def _expect(person: Person, rng: random.Random) -> None:
    """Say that a file rightly has no match, or take it back."""
    files = list(ScannedFile.objects.present().order_by("pk"))
    if files:
        path = f"/queue/files/{rng.choice(files).uid}/"
        person.fill_in(path, note="Talk only.", **rng.choice([{}, {"undo": "yes"}]))

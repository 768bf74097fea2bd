"""What people of the season do with suggestions, and what must hold afterwards."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from base.audit.models import Event
from catalogue.models import Bucket, Recording, RecordingStatus
from plugins.filling.choices import FillField, SuggestionState
from plugins.filling.indexes import folder
from plugins.filling.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

_HEADER = ("title", "artists", "duration_ms", "isrc", "label", "release_date")


def forget_indexes() -> None:
    """Delete the indexes of another day, whose sources this one has not read."""
    shutil.rmtree(folder())


def bring(place: Path, rng: random.Random, note: Callable[[str], None]) -> None:
    """Read a list that knows some recordings, and search in it twice.

    The second search changes nothing.
    """
    rows = Recording._base_manager.exclude(status=RecordingStatus.RETIRED)
    some = [row for row in rows.order_by("pk") if rng.random() < 0.5]
    path = place / "list.csv"
    path.write_text(_table(some, rng), encoding="utf-8")
    note(f"a list of {len(some)} recordings is read")
    _enrich("read", str(path), "--kind", "table", "--accept-licence")
    _search_twice()


def _table(some: Sequence[Recording], rng: random.Random) -> str:
    """Return a list that knows these recordings, and one that nobody has."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_HEADER)
    for row in some:
        code = f"QZSE{rng.randrange(10)}{rng.randrange(10**7):07d}"
        artists = "|".join(map(str, row.artists))
        length = row.duration_ms or ""
        table.writerow([row.title, artists, length, code, "A Label", "1999-07"])
    table.writerow(["Nobody's", "Nobody", "", "", "", ""])
    return text.getvalue()


def send(person: Person, admin: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Send a list of ours by its page, have it read and searched, and decide on it."""
    # Roles refuse what others send.
    sender = admin if rng.random() < 0.8 else person
    rows = list(Recording._base_manager.order_by("pk"))
    content = _table(rng.sample(rows, min(len(rows), 6)), rng)
    if rng.random() < 0.1:
        content = content[len(_HEADER) :]
    sender.fill_in(
        "/catalogue/fill-in/sources/send/",
        file=SimpleUploadedFile("our list.csv", content.encode()),
        name=rng.choice(samples.WORDS),
        accepts_licence=rng.choice(["on", "on", "on", ""]),
    )
    work()
    _search_twice()
    for _ in range(3):
        handle(person, rng)
    lists_hold()


def _search_twice() -> None:
    _enrich("match")
    before = _open_rows()
    _enrich("match")
    # Rules that are on accept after each search.
    check(_open_rows() <= before, "the same search suggests something else")
    # So few values never prove a mark.
    for field in FillField:
        SafeMark.objects.filter(field=field, mark=None).update(mark=Decimal("0.5"))


def lists_hold() -> None:
    """Check that lists that people sent lie on the machine exactly while they are sources."""
    there = {path.name for path in folder().glob("ol_*")}
    paths = (Path(source.path) for source in EnrichmentSource.objects.all())
    names = {path.name for path in paths if path.parent == folder()}
    check(there == names, f"the lists {there} are there, {names} are sources")


def _enrich(*words: str) -> None:
    call_command("enrich", *words, stdout=io.StringIO())


def _open_rows() -> set[tuple[int, str, str]]:
    rows = Suggestion._base_manager.filter(state=SuggestionState.OPEN)
    return set(rows.values_list("recording", "field", "value"))


def handle(person: Person, rng: random.Random) -> None:
    """Do one thing on a page of suggestions; roles and limits may refuse it."""
    base = "/catalogue/fill-in/"
    rows = list(Suggestion._base_manager.order_by("pk"))
    bucket = rng.choice(list(Bucket._base_manager.order_by("pk")))
    rules = list(FillingRule._base_manager.order_by("pk"))
    sources = list(EnrichmentSource.objects.order_by("pk"))
    differences = list(KnownDifference._base_manager.order_by("pk"))
    way = rng.random()
    if differences and way < 0.1:
        judged, verb = rng.choice(differences), rng.choice(["also_right", "undo"])
        person.fill_in(f"{base}differences/{judged.uid}/act/", verb=verb)
    elif rows and way < 0.5:
        row = rng.choice(rows)
        verb = rng.choice(["accept", "accept", "reject"])
        person.fill_in(f"{base}suggestions/{row.uid}/act/", verb=verb)
    elif rows and way < 0.7:
        row = rng.choice(rows)
        person.fill_in(f"{base}undo/", act=row.act)
    elif way < 0.8:
        count = len([row for row in rows if row.state == SuggestionState.OPEN])
        person.fill_in(f"{base}accept/", expected=rng.choice([count, 1]))
    elif not rules or way < 0.9:
        field = rng.choice(FillField.values)
        person.fill_in(f"{base}rules/", bucket=bucket.pk, field=field, least_confidence="0.9")
    elif way < 0.97:
        rule, verb = rng.choice(rules), rng.choice(["on", "off", "off", "delete"])
        person.fill_in(f"{base}rules/{rule.uid}/act/", verb=verb)
    elif sources:
        person.fill_in(f"{base}sources/{rng.choice(sources).uid}/delete/")


def suggestions_hold() -> None:
    """Check that each accepted value has its act and its event, and filled a gap."""
    accepted = Suggestion._base_manager.filter(state=SuggestionState.ACCEPTED)
    for row in accepted.order_by("pk"):
        check(row.act and not row.before, f"{row.uid} was accepted over a value")
        check(
            Event.objects.filter(
                case=f"suggestion:{row.uid}", action="suggestion.accepted"
            ).exists(),
            f"nobody accepted {row.uid}",
        )
        check(row.decided_at is not None, f"{row.uid} was accepted at no time")
    rows = Suggestion._base_manager.filter(state=SuggestionState.OPEN)
    for row in rows.order_by("pk"):
        check(row.decided_at is None, f"{row.uid} is open and decided")

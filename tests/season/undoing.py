"""Imports of tables, and their undo after people worked with what they brought."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from accounts.roles import Action
from catalogue.models import Bucket, Recording
from imports.models import (
    BroadcastImport,
    CatalogueImport,
    ImportStatus,
    ImportStep,
    MoveIn,
    StepState,
)
from monitoring.streams.models import Station
from scanning.models import ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

_DRY = " Dry run: nothing was written."
_Row = dict[str, str]


def bring(person: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Import a table of recordings or of broadcasts on its page."""
    is_catalogue = rng.random() < 0.5
    rows = _recordings(rng) if is_catalogue else _broadcasts(person, rng)
    if not rows:
        return
    path = "/catalogue/import/" if is_catalogue else "/broadcasts/import/"
    imports = (CatalogueImport if is_catalogue else BroadcastImport)._default_manager
    known = list(imports.values_list("pk", flat=True))
    buckets = list(Bucket.objects.present().order_by("pk"))
    person.fill_in(
        path,
        **{"table" if is_catalogue else "file": _table(rows)},
        encoding="utf-8",
        bucket=rng.choice(buckets).pk,
    )
    one = imports.exclude(pk__in=known).first()
    if one is None:
        return
    work()
    one.refresh_from_db()
    if one.status == ImportStatus.CHECKED:
        person.fill_in(f"{path}{one.uid}/start/")
        work()


def _recordings(rng: random.Random) -> list[_Row]:
    """Return rows that describe some recordings in another way."""
    recordings = list(Recording._base_manager.exclude(custom_id="").order_by("pk"))
    some = rng.sample(recordings, min(len(recordings), rng.randint(1, 3)))
    label = rng.choice(["Tune label", "Imported label"])
    return [{"custom_id": each.custom_id, "label": label} for each in some]


def _broadcasts(person: Person, rng: random.Random) -> list[_Row]:
    """Return rows that say when stations broadcast some files."""
    present = ScannedFile.objects.present().order_by("pk")
    if person.is_limited:
        # They would type a name that they do not know.
        present = present.exclude(name__contains=samples.HIDDEN)
    files = list(present)
    stations = list(Station._base_manager.order_by("pk"))
    some = rng.sample(files, min(len(files), rng.randint(1, 3)))
    return [
        {
            "file_name": file.name,
            "station": rng.choice(stations).name,
            "starts_at": f"2026-11-{rng.randint(1, 28):02} 07:00",
            "length": "0:30:00",
            "series": rng.choice(samples.WORDS),
        }
        for file in some
        if stations
    ]


def _table(rows: list[_Row]) -> SimpleUploadedFile:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return SimpleUploadedFile("table.csv", text.getvalue().encode())


def undo(person: Person, rng: random.Random, note: Callable[[str], None]) -> None:
    """Undo some import that was done."""
    done_steps = ImportStep.objects.filter(state=StepState.DONE)
    uids = sorted(set(done_steps.values_list("import_uid", flat=True)))
    if not uids:
        return
    uid = rng.choice(uids)
    is_move = MoveIn._default_manager.filter(uid=uid).exists()
    if is_move and not person.user.has_perm(Action.CONFIGURE):
        # Only admins move an account in, and only they take it back.
        refused = _refusal(uid, person)
        check(refused.startswith("Only admins"), f"{person.name}, {uid}: {refused}")
        return
    undo_one(uid, person, note)


def _refusal(uid: str, person: Person) -> str:
    try:
        return _undo(uid, person)
    except CommandError as refused:
        return str(refused)


def undo_one(uid: str, person: Person, note: Callable[[str], None]) -> None:
    """Undo an import: it does what its dry run says, and nothing when it runs again."""
    said = _undo(uid, person, "--dry-run").replace(_DRY, "")
    done = _undo(uid, person)
    note(f"{person.name} undoes the import {uid}: {done}")
    check(said == done, f"a dry run of {uid} says:\n{said}and the undo did:\n{done}")
    again = _undo(uid, person)
    check(again.startswith("0 changes"), f"the undo of {uid} ran again and did {again}")


def _undo(uid: str, person: Person, *options: str) -> str:
    output = io.StringIO()
    call_command("undo_import", uid, "--username", person.name, *options, stdout=output)
    return output.getvalue()

"""Imports of tables, and their undo after people worked with what they brought."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from base.accounts.roles import Action
from catalogue.models import Bucket, Recording
from imports.kinds import kind_of_uid
from imports.licences.sheet import sheet_of
from imports.models import (
    CatalogueImport,
    Import,
    ImportStatus,
    ImportStep,
    LicenceImport,
    StepState,
)
from review.models import Licence
from tests import registered
from tests.registered import SEASON
from tests.season.invariants import check
from tests.season.people import Person

_DRY = " Dry run: nothing was written."
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of table that the season imports."""

    path: str
    field: str
    model: type[Import]
    rows: Callable[[Person, random.Random], list[Row]]


# Any: each kind has a uid of its own.
FOR_ADMINS: registered.Table[str, type[Any]] = registered.Table({}, SEASON)
"""Imports that only admins make and undo."""


def bring(person: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Import a table on its page."""
    table = rng.choice(list(TABLES.values()))
    rows = table.rows(person, rng)
    if not rows:
        return
    imports = table.model._default_manager
    keys = list(imports.values_list("pk", flat=True))
    buckets = list(Bucket.objects.present().order_by("pk"))
    person.fill_in(
        table.path, **{table.field: _table(rows)}, encoding="utf-8", bucket=rng.choice(buckets).pk
    )
    import_ = imports.exclude(pk__in=keys).first()
    if import_ is None:
        return
    work()
    import_.refresh_from_db()
    if import_.status == ImportStatus.CHECKED:
        person.fill_in(f"{table.path}{import_.uid}/start/")
        work()


def _recordings(_person: Person, rng: random.Random) -> list[Row]:
    """Return rows that describe some recordings in another way."""
    recordings = list(Recording._base_manager.exclude(custom_id="").order_by("pk"))
    some = rng.sample(recordings, min(len(recordings), rng.randint(1, 3)))
    label = rng.choice(["Tune label", "Imported label"])
    return [{"custom_id": recording.custom_id, "label": label} for recording in some]


def _licences(_person: Person, rng: random.Random) -> list[Row]:
    """Return the lines of some licences, each with another day or limit, and a new one."""
    licences = list(Licence._base_manager.filter(built_in=False).order_by("pk"))
    some = rng.sample(licences, min(len(licences), rng.randint(0, 2)))
    today = datetime.now(tz=UTC).date()
    rows = [dict(row) for row in sheet_of(some).rows]
    for row in rows:
        ends = today + timedelta(days=rng.choice([-1, 0, 30]))
        row |= rng.choice([{"valid_until": str(ends)}, {"max_seconds": "20"}, {"note": "Again"}])
    holder = rng.choice(["Pier Radio", "Harbour Television"])
    new = dict.fromkeys(sheet_of([]).columns, "") | {"holder": holder, "scope": "all"}
    return [*rows, new]


TABLES: registered.Table[str, Table] = registered.Table(
    {
        "recordings": Table("/catalogue/import/", "table", CatalogueImport, _recordings),
        "licences": Table("/licences/import/", "file", LicenceImport, _licences),
    },
    SEASON,
)


def _table(rows: list[Row]) -> SimpleUploadedFile:
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
    is_for_admins = any(
        model._default_manager.filter(uid=uid).exists() for model in FOR_ADMINS.values()
    )
    if is_for_admins and not person.user.has_perm(Action.CONFIGURE):
        refused = _refusal(uid, person)
        causes = ("Only admins", "This concerns containers or buckets")
        check(refused.startswith(causes), f"{person.name}, {uid}: {refused}")
        return
    kind = kind_of_uid(uid)
    if kind is not None and not kind.is_open_to(person.user):
        check(_refusal(uid, person) != "", f"{person.name} may not import {uid}, but undid it")
        return
    undo_one(uid, person, note)


def _refusal(uid: str, person: Person) -> str:
    """Return why an undo is refused; empty if it is not."""
    try:
        _undo(uid, person)
    except CommandError as refused:
        return str(refused)
    return ""


def undo_one(uid: str, person: Person, note: Callable[[str], None]) -> None:
    """Undo an import: it does what its dry run says, and nothing when it runs again."""
    output = _undo(uid, person, "--dry-run").replace(_DRY, "")
    done = _undo(uid, person)
    note(f"{person.name} undoes the import {uid}: {done}")
    check(output == done, f"a dry run of {uid} says:\n{output}and the undo did:\n{done}")
    again = _undo(uid, person)
    check(again.startswith("0 changes"), f"the undo of {uid} ran again and did {again}")


def _undo(uid: str, person: Person, *options: str) -> str:
    output = io.StringIO()
    call_command("undo_import", uid, "--username", person.name, *options, stdout=output)
    return output.getvalue()

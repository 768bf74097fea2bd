"""Programmes that people walk through: what they enter, and sheets that two approve.

A sheet is approved by a second person, as it was submitted; what was entered is on it.
"""

from __future__ import annotations

import random

from base.accounts.reach import working_for
from base.accounts.roles import Action
from base.common.reading import read_clock
from reports.cue_approval import SheetStep, approval_of
from reports.cue_sheets import CueSheet, NotScanned, cue_sheet
from reports.cues import CueStatus
from reports.models import CueEntry, EditKind, EntryKind, SheetState
from review.intervals import without
from scanning.models import ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person
from tests.season.sheets import read_lines


def walk(person: Person, rng: random.Random) -> None:
    """Enter what is heard in a file, or take a step with its sheet; roles may refuse."""
    files = list(ScannedFile.objects.present().order_by("pk"))
    if files:
        rng.choice((_enter, _enter, _step, _step, _look))(person, rng.choice(files), rng)


def _enter(person: Person, file: ScannedFile, rng: random.Random) -> None:
    """Enter or remove something, also outside of the file."""
    start = rng.randrange(0, max(file.length_ms, 10_000), 500)
    end = start + rng.choice((0, 5_000, 20_000))
    verb = rng.choice((*EntryKind.values, "undo"))
    person.fill_in(
        f"/files/{file.uid}/review/entry/",
        verb=verb,
        start=read_clock(start, digits=3),
        end=read_clock(end, digits=3),
        title=rng.choice(("", *samples.WORDS)),
        writers=rng.choice(samples.WORDS),
    )
    check_on_sheet(file)


def check_on_sheet(file: ScannedFile) -> None:
    """Check that the sheet of a file names what was entered in it, nothing else."""
    with working_for(None):
        try:
            sheet = cue_sheet(file=file)
        except NotScanned:
            return
    named = {
        cue.entry.pk
        for cue in sheet.cues
        if cue.entry is not None and cue.status == CueStatus.ENTERED
    }
    entered = CueEntry.objects.filter(scanned_file=file, kind=EntryKind.MUSIC)
    pks = {entry.pk for entry in entered if entry.pk in named or _is_left(entry, sheet)}
    merged = file.sheet_edits.filter(kind=EditKind.MERGE).exists()
    # Two entries of the same music may be one cue.
    holds = named <= pks if merged else named == pks
    check(holds, f"the sheet of {file} names {named}, not {pks}")


def _is_left(entry: CueEntry, sheet: CueSheet) -> bool:
    """Return whether no match is heard in some of an entry's seconds."""
    heard = [part for cue in sheet.cues if cue.match is not None for part in cue.counted]
    return bool(without([entry.interval], heard))


def _step(person: Person, file: ScannedFile, rng: random.Random) -> None:
    before = approval_of(file)
    step = rng.choice([step.name.lower() for step in SheetStep])
    note = rng.choice(("", "Look again."))
    path = f"/files/{file.uid}/cue-sheet/step/"
    person.fill_in(path, step=step, version=before.version, note=note, read=read_lines(file))
    after = approval_of(file)
    if after.state != SheetState.APPROVED or before.state == after.state:
        return
    by = after.answered_by
    check(by is not None and by.has_perm(Action.APPROVE), f"{by} approved {after}")
    check(by != after.submitted_by, f"{by} approved their own {after}")


def _look(person: Person, file: ScannedFile, _rng: random.Random) -> None:
    person.open(f"/files/{file.uid}/review/")
    person.open(f"/files/{file.uid}/cue-sheet/")

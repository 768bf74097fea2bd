"""Cue sheets that people arrange together, before and after their music changes.

However cues are moved, merged and split, a sheet counts the seconds that it counted
before, and no second of a recording twice. An approved sheet names each changed line.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Q

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.reading import read_clock
from base.common.storage import read_bytes
from catalogue.models import Bucket, Recording
from dedup.intake import AlreadyInCatalogue, add_recording
from reports.cells import clock_of
from reports.cue_approval import SheetStep, approval_of, has_changed
from reports.cue_edits import edits_of
from reports.cue_sheet_files import FORMATS, lines_of
from reports.cue_sheets import CueSheet, NotScanned, cue_sheet
from reports.cue_statement import approved_version, compared, digest_of_lines, signed_lines
from reports.cues import Cue, CueStatus
from reports.models import CueEntry, SheetApproval, SheetEdit, SheetState
from review.choices import WAITING_STATES
from review.intervals import Interval, length, union
from review.models import Match
from review.programmes.models import MusicUse
from scanning.models import ScannedFile
from statements.models import StatementCheck
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

_ARRANGES = ("earlier", "later", "merge", "split")
_MANY = 25
"""Edits after which people take some back first."""


def arrange(
    person: Person, other_person: Person, rng: random.Random, work: Callable[[], None]
) -> None:
    """Arrange a sheet alone or with somebody, approve it, or change its music."""
    sheets = _sheets()
    if not sheets:
        return
    sheet = rng.choice(sheets)
    way = rng.random()
    if way < 0.5:
        _press(person, sheet, rng)
    elif way < 0.65:
        _press_on_an_old_page(person, other_person, sheet, rng)
    elif way < 0.75:
        _take_back(person, sheet.file, rng)
    elif way < 0.8:
        _enter(person, sheet.file, rng)
    elif way < 0.86:
        _contradict(person, sheet, rng)
        _answer(person, sheet.file, rng)
    elif way < 0.92:
        _approve(person, other_person, sheet.file)
    else:
        _change_music(person, sheet, rng, work)
    sheets_hold([sheet.file])


def _sheets() -> list[CueSheet]:
    """Return the sheets that have cues."""
    files = ScannedFile.objects.present().order_by("pk")
    return [sheet for file in files if (sheet := _sheet(file)) and sheet.cues]


def _sheet(file: ScannedFile) -> CueSheet | None:
    with working_for(None):
        try:
            return cue_sheet(file=file)
        except NotScanned:
            return None


def _press(person: Person, sheet: CueSheet, rng: random.Random) -> None:
    """Tick cues and press a verb."""
    is_open = approval_of(sheet.file).is_open
    verb = rng.choice((*_ARRANGES, *_ARRANGES, "use", "remove"))
    if verb in _ARRANGES and edits_of(sheet.file).count() >= _MANY:
        return
    first = rng.randrange(len(sheet.cues))
    cues = sheet.cues[first : first + (2 if verb == "merge" else 1)]
    person.fill_in(
        f"/files/{sheet.file.uid}/cue-sheet/edit/",
        verb=verb,
        cue=[cue.name for cue in cues],
        at=read_clock(rng.randrange(cues[0].start_ms, cues[0].end_ms + 1), digits=3),
        use="Theme",
        apply="1",
    )
    after = _sheet(sheet.file)
    assert after is not None
    if not is_open:
        check(
            lines_of(after) == lines_of(sheet),
            f"{verb} changed a sheet of {sheet.file} that is not open",
        )
    elif verb in _ARRANGES:
        _check_same_seconds(sheet, after, f"{verb} by {person.name}")


def _press_on_an_old_page(
    person: Person, other_person: Person, sheet: CueSheet, rng: random.Random
) -> None:
    """Let somebody change a sheet first; what a page shows after that may be old."""
    _press(other_person, sheet, rng)
    _press(person, sheet, rng)


def _take_back(person: Person, file: ScannedFile, rng: random.Random) -> None:
    edits = list(edits_of(file))
    if edits:
        edit = rng.choice(edits)
        person.fill_in(f"/files/{file.uid}/cue-sheet/edits/{edit.uid}/back/")


def _enter(person: Person, file: ScannedFile, rng: random.Random) -> None:
    """Add a cue by hand, or change one that somebody added."""
    start = rng.randrange(0, max(file.length_ms, 2_000), 500)
    entry = rng.choice([None, *file.cue_entries.filter(kind="music")])
    person.fill_in(
        f"/files/{file.uid}/cue-sheet/entry/{f'?entry={entry.uid}' if entry else ''}",
        verb="music",
        title=rng.choice(samples.WORDS),
        start=read_clock(start, digits=3),
        end=read_clock(start + rng.choice((1_000, 6_000)), digits=3),
    )


def _contradict(person: Person, sheet: CueSheet, rng: random.Random) -> None:
    """Enter something in the seconds of a match that waits."""
    waiting = [cue for cue in sheet.cues if cue.match and cue.match.state in WAITING_STATES]
    if waiting:
        cue = rng.choice(waiting)
        person.fill_in(
            f"/files/{sheet.file.uid}/review/entry/",
            verb=rng.choice(("music", "music", "unknown", "no_music")),
            title=rng.choice(samples.WORDS),
            use="Theme",
            start=read_clock(cue.start_ms, digits=3),
            end=read_clock(cue.end_ms, digits=3),
        )


def _answer(person: Person, file: ScannedFile, rng: random.Random) -> None:
    """Take a match instead of an entry or keep the entry, and undo that exactly."""
    sheet = _sheet(file)
    questions = [question for cue in sheet.cues for question in cue.questions] if sheet else []
    if not questions:
        return
    question = rng.choice(questions)
    match, answer = question.match, rng.choice(("take", "keep"))
    rows = CueEntry.objects.filter(scanned_file=file).order_by("pk")
    before, uses = list(rows.values()), _uses_in(file)
    person.fill_in(
        f"/files/{file.uid}/cue-sheet/answer/", answer=f"{answer}:{match.uid}:{match.version}"
    )
    now = Match._base_manager.get(pk=match.pk)
    check(
        rows.filter(pk=question.entry.pk).exists() != (now.state == "confirmed"),
        f"{answer} by {person.name} leaves {question.entry} beside {now}",
    )
    if now.state not in {"confirmed", "rejected"} or rng.random() < 0.5:
        return
    person.call(
        "POST",
        f"/api/portal/v1/matches/{match.uid}/decisions/",
        {"verb": "undo", "version": now.version},
    )
    now.refresh_from_db()
    if now.state not in {"confirmed", "rejected"}:
        check(
            (list(rows.values()), _uses_in(file)) == (before, uses),
            f"undoing {answer} by {person.name} does not restore {before}",
        )


def _uses_in(file: ScannedFile) -> list[object]:
    uses = MusicUse._base_manager.filter(scanned_file=file).order_by("recording")
    return list(uses.values_list("recording", "use", "origin"))


def _approve(person: Person, other_person: Person, file: ScannedFile) -> None:
    """Decide what waits, submit the sheet, and let somebody else approve it."""
    waiting = Match._base_manager.filter(scanned_file=file, state__in=WAITING_STATES)
    for match in waiting.order_by("pk"):
        person.call(
            "POST",
            f"/api/portal/v1/matches/{match.uid}/decisions/",
            {"verb": "confirm", "version": match.version, "note": "Heard."},
        )
    for by, step in ((person, SheetStep.SUBMIT), (other_person, SheetStep.APPROVE)):
        by.fill_in(
            f"/files/{file.uid}/cue-sheet/step/",
            step=step.name.lower(),
            version=approval_of(file).version,
            read=read_lines(file),
        )


def read_lines(file: ScannedFile) -> str:
    """Return what the page of a file's sheet says that a person read."""
    with working_for(None), suppress(NotScanned):
        return digest_of_lines(cue_sheet(file=file))
    return ""


def _change_music(
    person: Person, sheet: CueSheet, rng: random.Random, work: Callable[[], None]
) -> None:
    """Scan a file again, find another recording in it, or retire one that it has."""
    way = rng.random()
    named = [cue.recording for cue in sheet.cues if cue.recording is not None]
    if way < 0.4 or not named:
        person.fill_in(f"/files/{sheet.file.uid}/rescan/")
    elif way < 0.7:
        _add_recording(rng)
    else:
        uid = rng.choice(named).uid
        person.fill_in(f"/catalogue/recordings/{uid}/delete/")
    work()


def _add_recording(rng: random.Random) -> None:
    """Add a recording that some files contain already, so that it is found late."""
    bucket = Bucket.objects.get(name="Open catalogue")
    number = rng.choice((40, 50, samples.LOGO))
    # Another step may have added the same file.
    with suppress(AlreadyInCatalogue):
        add_recording(
            bucket=bucket,
            details=Recording(title=f"Late find {number}", custom_id=f"L-{number}"),
            audio=SimpleUploadedFile(f"late {number}.wav", samples.tune(number)),
            user=User.objects.get(username="adam"),
        )


def _check_same_seconds(before: CueSheet, after: CueSheet, label: str) -> None:
    """Check that arranging cues neither adds nor loses time or music."""
    check(
        _seconds(before.cues) == _seconds(after.cues),
        f"{label} changes the seconds of {before.file}: {before.cues} {after.cues}",
    )
    for cue in before.cues:
        # A merge gives unknown sound to the music beside it.
        if cue.status != CueStatus.UNKNOWN:
            same = [other_cue for other_cue in after.cues if _music(other_cue) == _music(cue)]
            lost = length(cue.counted) - _shared(cue.counted, _seconds(same))
            check(lost == 0, f"{label} takes {lost} ms from {cue}")


def _music(cue: Cue) -> object:
    """Return what a merge joins: the recording, or the title that people entered."""
    if cue.recording is not None:
        return cue.recording.pk, cue.status == CueStatus.EXCLUDED
    return cue.title.casefold() if cue.entry else cue.status


def _seconds(cues: Iterable[Cue]) -> list[Interval]:
    return union(part for cue in cues for part in cue.counted)


def _shared(first: Iterable[Interval], second: Iterable[Interval]) -> int:
    first, second = list(first), list(second)
    return length(first) + length(second) - length([*first, *second])


def sheets_hold(files: Iterable[ScannedFile] | None = None) -> None:
    """Check the sheets of these files, or of all that somebody arranged or approved."""
    if files is None:
        arranged = SheetEdit.objects.values("scanned_file")
        approved = SheetApproval.objects.values("scanned_file")
        touched = Q(pk__in=arranged) | Q(pk__in=approved)
        files = ScannedFile.objects.present().filter(touched).order_by("pk")
    for file in files:
        file.refresh_from_db()
        sheet = _sheet(file)
        if sheet is not None:
            _check_sheet(sheet)
            _check_approval(sheet)


def _check_sheet(sheet: CueSheet) -> None:
    """Check that each second is there, within the file, and once for its music."""
    file = sheet.file
    with transaction.atomic():
        edits_of(file).delete()
        plain = _sheet(file)
        transaction.set_rollback(True)
    assert plain is not None
    _check_same_seconds(plain, sheet, "The arrangement")
    whole = sheet.timeline.length_ms
    check(
        all(cue.end_ms <= whole for cue in sheet.cues),
        f"the sheet of {file} goes on after {whole} ms: {sheet.cues}",
    )
    check(
        [cue.number for cue in sheet.cues] == list(range(1, len(sheet.cues) + 1)),
        f"the cues of {file} are numbered {[cue.number for cue in sheet.cues]}",
    )
    _check_once(sheet)
    by_music: dict[object, list[Cue]] = {}
    for cue in sheet.cues:
        if cue.status != CueStatus.EXCLUDED and cue.entry is None:
            by_music.setdefault(_music(cue), []).append(cue)
    for music, cues in by_music.items():
        twice = sum(cue.length_ms for cue in cues) - length(_seconds(cues))
        check(not twice, f"the sheet of {file} counts {twice} ms of {music} twice")


def _check_once(sheet: CueSheet) -> None:
    """Check that no second counts for an entry and for a match."""
    entered = [cue for cue in sheet.cues if cue.status == CueStatus.ENTERED]
    heard = [cue for cue in sheet.cues if cue.match and cue.status != "excluded"]
    twice = _shared(_seconds(entered), _seconds(heard))
    check(not twice, f"{sheet.file} counts {twice} ms for entries and for matches")


def _check_approval(sheet: CueSheet) -> None:
    """Check that an approved sheet keeps its bytes, and says of each line what changed."""
    with working_for(None):
        approved = approved_version(str(sheet.file.uid))
    if approved is None:
        return
    named = compared(approved, sheet)
    changed = has_changed(approval_of(sheet.file))
    if approval_of(sheet.file).state == SheetState.APPROVED:
        check(
            changed == bool(named),
            f"the approved sheet of {sheet.file} has changed: {changed}, lines: {named}",
        )
    then, now = (
        Counter(
            (str(cells[1] or ""), *(clock_of(str(cell)) for cell in cells[10:12])) for cells in some
        )
        for some in (approved.content, signed_lines(sheet))
    )
    entries = {(line.title, line.time_in, line.time_out) for line in named}
    silent = set(then - now) - entries
    check(not silent, f"the approved sheet of {sheet.file} hides {silent}")
    stored = {file.format: file for file in approved.files.all()}
    check(set(stored) == set(FORMATS), f"{approved} has the files {set(stored)}")
    for file in stored.values():
        sha256 = hashlib.sha256(read_bytes(file.file)).hexdigest()
        check(sha256 == file.sha256, f"the bytes of {file} of {approved} changed")
    if not StatementCheck.objects.exists():
        check(
            (approved.differs_since is not None) == bool(named),
            f"{approved} differs since {approved.differs_since}, lines: {named}",
        )

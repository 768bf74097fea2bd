"""Versions of cue sheets as statements: what they said, their files, what differs today."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.accounts.models import User
from base.accounts.reach import seen_buckets, sees_every_bucket, working_for
from base.audit.standing import StatementKind
from base.common.storage import StoredFile, delete_files, keep_file, kept_only_if_done
from catalogue.models import Recording
from reports.cells import Cell, clock_of
from reports.cue_sheet_files import FORMATS, SIGNED, lines_of, signed, written
from reports.cue_sheets import CueSheet, listed_sheets
from reports.cues import WORDS
from review.models import Match, MatchAlias
from scanning.models import ScannedFile
from statements.choices import StatementState
from statements.kinds import Difference, Fact, Kind, compared_state
from statements.models import Statement, StatementFact, StatementFile, StatementStep
from statements.selectors import last_of, statements_in_reach
from statements.services import attach, digest_of, issue, record_download

_Line: TypeAlias = tuple[str, ...]
"""The signed cells of a line as text, without its number."""
_OPEN: Final = (StatementState.DRAFT, StatementState.SUBMITTED)
_HANDED_OUT: Final = (StatementState.DRAFT, StatementState.APPROVED)
_NAMES: Final = tuple(column.name for column in SIGNED[1:])
_TIMES: Final = ("time_in", "time_out", "duration")
_NAMELESS: Final = ("title", "")


class LineChange(StrEnum):
    """How a line of a version differs from today's."""

    GONE = "gone"
    MOVED = "moved"
    NEW = "new"
    REWORDED = "reworded"


@dataclass(frozen=True, slots=True)
class SheetDifference:
    """A line that only one of both sheets has, reads otherwise or stands elsewhere.

    Title and times are those of the version, unless the line is new. ``match`` is the uid
    of the match that it names. ``now`` and ``then`` are in what a line reads otherwise.
    """

    title: str
    time_in: str
    time_out: str
    change: LineChange
    match: str = ""
    now: str = ""
    then: str = ""

    @property
    def text(self) -> str:
        """Return a sentence about it."""
        values = {
            "title": self.title or _("Unknown music"),
            "start": self.time_in,
            "end": self.time_out,
            "now": self.now or "–",
            "then": self.then or "–",
        }
        texts = {
            LineChange.GONE: _("“%(title)s”, %(start)s to %(end)s, is no longer on it."),
            LineChange.MOVED: _(
                "“%(title)s”, %(start)s to %(end)s, stands elsewhere among the lines."
            ),
            LineChange.NEW: _("“%(title)s”, %(start)s to %(end)s, is new."),
            LineChange.REWORDED: _(
                "“%(title)s”, %(start)s to %(end)s, reads “%(now)s”, not “%(then)s”."
            ),
        }
        return texts[self.change] % values


class CueSheets(Kind):
    """Cue sheets of files: drafts that somebody downloaded, submitted and approved ones."""

    kind = StatementKind.CUE_SHEET
    label = lazy("Cue sheet")
    place = 40
    may_end = True

    def seen(self, subjects: Collection[str]) -> Collection[str]:
        """Return the files whose sheets hold no line, then or now, that is hidden from the viewer."""
        files = ScannedFile.objects.filter(uid__in=subjects)
        seen = {str(uid) for uid in files.values_list("uid", flat=True)}
        buckets = seen_buckets()
        if buckets is None or not seen:
            return seen
        with working_for(None):
            now = Match.objects.filter(scanned_file__uid__in=seen)
            now = now.exclude(recording__bucket__in=buckets)
            then = StatementFact.objects.filter(
                file__in=seen,
                statement__kind=self.kind,
                recording__in=Recording.objects.exclude(bucket__in=buckets).values("uid"),
            )
            hidden = {str(uid) for uid in now.values_list("scanned_file__uid", flat=True)}
            return seen - hidden - set(then.values_list("file", flat=True))

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare the signed lines with today's, whatever a scan does meanwhile."""
        uids = {statement.subject for statement in statements}
        files = ScannedFile.objects.present().filter(uid__in=uids)
        sheets = listed_sheets(list(files.select_related("container")))
        today = {str(sheet.file.uid): sheet for sheet in sheets.values()}
        prefetch_related_objects(statements, "facts")
        by_statement: dict[int, Sequence[Difference]] = {}
        for statement in statements:
            sheet = today.get(statement.subject)
            if sheet is None:
                by_statement[statement.pk] = [Difference(_("The file was deleted."))]
            else:
                by_statement[statement.pk] = [
                    Difference(line.text, line.match) for line in compared(statement, sheet)
                ]
        return by_statement

    def present(self, subjects: Collection[str]) -> Collection[str]:
        """Return the files that were not deleted."""
        files = ScannedFile.objects.present().filter(uid__in=subjects)
        return {str(uid) for uid in files.values_list("uid", flat=True)}

    def url(self, statement: Statement) -> str:
        """Return the page of the sheet as it is today."""
        return reverse("portal:cue_sheet", args=[statement.subject])

    def case(self, statement: Statement) -> str:
        """Return the file's case, which also tells of drafts."""
        return f"file:{statement.subject}"

    def acts(self, statement: Statement) -> Q:
        """Return the condition on the steps and downloads of the version."""
        of_file = super().acts(statement)
        return of_file & Q(action__startswith="cue_sheet.", after__version=statement.version)

    def concerned(self, cases: Mapping[str, Collection[str]]) -> Collection[str]:
        """Return the changed files: a sheet without lines names none of its own."""
        return cases.get("file", ())


def versions_of(file_uid: str) -> QuerySet[Statement]:
    """Return the versions of a file's sheet of which the viewer sees each line."""
    return statements_in_reach().filter(kind=StatementKind.CUE_SHEET, subject=str(file_uid))


def approved_version(file_uid: str) -> Statement | None:
    """Return the version that others rely on, if the viewer sees each of its lines."""
    return versions_of(file_uid).filter(state=StatementState.APPROVED).first()


@dataclass(frozen=True, slots=True)
class SheetVersion:
    """A version that somebody approved or downloaded, and the step that says who."""

    statement: Statement
    step: StatementStep
    files: Sequence[StatementFile]


def versions_handed_out(file_uid: str) -> list[SheetVersion]:
    """Return the versions with files that the viewer may read, the newest first."""
    rows = versions_of(file_uid).order_by("-version")
    handed_out: list[SheetVersion] = []
    for statement in rows.prefetch_related("files", "steps"):
        steps = [step for step in statement.steps.all() if step.state in _HANDED_OUT]
        if files := list(statement.files.all()):
            handed_out.append(SheetVersion(statement, steps[-1], files))
    return handed_out


def lines_in_words(statement: Statement) -> list[dict[str, str]]:
    """Return the lines of a version as its page says them, by the names of columns."""
    names = [column.name for column in SIGNED]
    return [
        {
            name: _in_words(name, cell) if cell else ""
            for name, cell in zip(names, [str(cells[0]), *line], strict=True)
        }
        for cells, line in zip(statement.content, _lines(statement.content), strict=True)
    ]


def last_version(file: ScannedFile) -> Statement | None:
    """Return the last version of a file's sheet, whoever asks."""
    return last_of(StatementKind.CUE_SHEET, str(file.uid))


def draft_text(version: int) -> str:
    """Return what a document says of a sheet that nobody approved."""
    return f"Draft of version {version}, not approved"


def issue_version(*, sheet: CueSheet, user: User | None, state: StatementState) -> Statement:
    """Record today's sheet as the next version, or as the draft of it anew."""
    return issue(
        kind=StatementKind.CUE_SHEET,
        subject=str(sheet.file.uid),
        name=sheet.file.name[:300],
        facts=_facts(sheet),
        user=user,
        state=state,
        content=signed_lines(sheet),
    )


def signed_lines(sheet: CueSheet) -> list[list[Cell]]:
    """Return the cells that people sign of each line."""
    return [signed(line) for line in lines_of(sheet)]


def digest_of_lines(sheet: CueSheet) -> str:
    """Return the digest of the lines that people sign."""
    return digest_of(signed_lines(sheet))


def _facts(sheet: CueSheet) -> Iterator[Fact]:
    for cue in sheet.cues:
        yield Fact(
            match=cue.match.uid if cue.match else "",
            recording=cue.recording.uid if cue.recording else "",
            file=str(sheet.file.uid),
            start_ms=cue.start_ms,
            end_ms=cue.end_ms,
            state=cue.match.state if cue.match else "",
            cells={"item": cue.item.uid} if cue.item else {},
        )


def store_files(sheet: CueSheet, status: str, names: list[str]) -> dict[str, StoredFile]:
    """Write and store a sheet in every format; ``names`` gets their names."""
    stored: dict[str, StoredFile] = {}
    for form in FORMATS:
        stored[form] = _store(sheet, form, written(sheet, form, status=status))
        names.append(stored[form].name)
    return stored


def _store(sheet: CueSheet, form: str, content: bytes) -> StoredFile:
    name = f"statements/{sheet.file.uid}/{sheet.name}.{form}"
    return keep_file(ContentFile(content), name)


def attach_files(statement: Statement, sheet: CueSheet, files: Mapping[str, StoredFile]) -> None:
    """Record the stored files of a version; their names say if it is a draft."""
    draft = "-draft" if statement.state == StatementState.DRAFT else ""
    for form, stored in files.items():
        attach(
            statement=statement,
            form=form,
            name=f"{sheet.name}-v{statement.version}{draft}.{form}",
            stored=stored,
        )


def hand_out_draft(*, sheet: CueSheet, actor: User | str, form: str) -> bytes:
    """Return today's sheet in a format; record it, and keep what somebody has now.

    To people who may not see every bucket, sheets differ: theirs are not kept. Nor is a
    submitted one, whose lines are kept already.
    """
    last = last_version(sheet.file)
    version = next_version(last)
    content = written(sheet, form, status=draft_text(version))
    sha256 = hashlib.sha256(content).hexdigest()
    is_news = sees_every_bucket() and not _has_handed_out(last, sheet, form, sha256)
    with kept_only_if_done() as names:
        stored = _store(sheet, form, content) if is_news else None
        if stored is not None:
            names.append(stored.name)
        with transaction.atomic():
            record_download(
                case=f"file:{sheet.file.uid}",
                kind=StatementKind.CUE_SHEET,
                actor=actor,
                form=form,
                version=version,
                sha256=sha256,
            )
            if stored is not None:
                user = actor if isinstance(actor, User) else None
                _keep_draft(sheet, user, form, stored)
    return content


def _has_handed_out(last: Statement | None, sheet: CueSheet, form: str, sha256: str) -> bool:
    """Return whether the last version has these bytes, or waits for its approval."""
    if last is None or last.state not in _OPEN:
        return False
    if last.state == StatementState.SUBMITTED:
        return True
    is_same = last.content == signed_lines(sheet)
    return is_same and last.files.filter(format=form, sha256=sha256).exists()


def _keep_draft(sheet: CueSheet, user: User | None, form: str, stored: StoredFile) -> None:
    lock_versions(sheet.file)
    draft = last_version(sheet.file)
    if draft is not None and draft.state == StatementState.SUBMITTED:
        # Somebody submitted it meanwhile.
        delete_files([stored.name])
        return
    is_same = (
        draft is not None
        and draft.state == StatementState.DRAFT
        and draft.content == signed_lines(sheet)
        and not draft.files.filter(format=form).exists()
    )
    if draft is None or not is_same:
        draft = issue_version(sheet=sheet, user=user, state=StatementState.DRAFT)
    attach_files(draft, sheet, {form: stored})


def lock_versions(file: ScannedFile) -> None:
    """Lock a file's versions, also before the first, until the transaction ends."""
    ScannedFile.objects.select_for_update(of=("self",)).get(pk=file.pk)


def next_version(last: Statement | None) -> int:
    """Return the number that today's sheet has, or gets when somebody approves it."""
    if last is None:
        return 1
    return last.version if last.state in _OPEN else last.version + 1


def differs(statement: Statement, sheet: CueSheet) -> bool:
    """Return whether a sheet reads otherwise than a version."""
    return _compared_lines(statement.content) != _compared_lines(signed_lines(sheet))


def compared(statement: Statement, sheet: CueSheet) -> list[SheetDifference]:
    """Return the lines in which a sheet differs from a version, in the order of time."""
    then, now = _compared_lines(statement.content), _compared_lines(signed_lines(sheet))
    if then == now:
        return []
    matches = dict(zip(then, (fact.match for fact in statement.facts.all()), strict=True))
    matches |= {
        line: cue.match.uid if cue.match else "" for line, cue in zip(now, sheet.cues, strict=True)
    }
    gone = list((Counter(then) - Counter(now)).elements())
    new = list((Counter(now) - Counter(then)).elements())
    # A line of a match that was joined with another one is still about that use.
    joined = dict(
        MatchAlias.objects.filter(uid__in=matches.values()).values_list("uid", "match__uid")
    )
    alive = {line: joined.get(uid, uid) for line, uid in matches.items()}
    pairs = _pairs(gone, new, alive)
    changed = {
        LineChange.GONE: Counter(gone) - Counter(before for before, _after in pairs),
        LineChange.MOVED: Counter(_find_moved_lines(then, now)),
        LineChange.NEW: Counter(new) - Counter(after for _before, after in pairs),
    }
    differences = [
        SheetDifference(*_place_of(line), change, matches[line])
        for change, lines in changed.items()
        for line in lines.elements()
    ]
    differences += (
        SheetDifference(
            *_place_of(before),
            LineChange.REWORDED,
            matches[after] or matches[before],
            now=_words_beside(after, before),
            then=_words_beside(before, after),
        )
        for before, after in pairs
    )
    return sorted(differences, key=lambda difference: difference.time_in)


def _lines(content: Sequence[Sequence[Any]]) -> list[_Line]:  # Any: cells of JSON
    """Return lines without their numbers, which move with the lines before them."""
    return [
        tuple(", ".join(cell) if isinstance(cell, list) else cell or "" for cell in cells[1:])
        for cells in content
    ]


def _compared_lines(content: Sequence[Sequence[Any]]) -> list[_Line]:  # Any: as above
    """Return lines as comparisons read them: a sheet is printed in whole seconds."""
    return [
        tuple(
            clock_of(cell)
            if name in _TIMES and cell
            else compared_state(cell)
            if name == "status"
            else cell
            for name, cell in zip(_NAMES, line, strict=True)
        )
        for line in _lines(content)
    ]


def count_unread(sheet: CueSheet, seen: CueSheet) -> int:
    """Return how many lines of a sheet another viewer's lacks."""
    lines = Counter(_lines(signed_lines(sheet)))
    return (lines - Counter(_lines(signed_lines(seen)))).total()


def _place_of(line: _Line) -> tuple[str, str, str]:
    """Return the title and the times of a line."""
    return line[0], line[9], line[10]


def _pairs(
    gone: Sequence[_Line], new: Sequence[_Line], matches: Mapping[_Line, str]
) -> list[tuple[_Line, _Line]]:
    """Return the lines that are gone and new because one line reads otherwise.

    They have the title or the match in common, or one of them names no music, and a
    moment; best the same times.
    """
    by_music: dict[tuple[str, str], list[int]] = {}
    for place, line in enumerate(new):
        for music in _music_of(line, matches):
            by_music.setdefault(music, []).append(place)
    candidates = []
    for at, line in enumerate(gone):
        title, start, end = _place_of(line)
        same = {place for music in _music_of(line, matches) for place in by_music.get(music, ())}
        # Music that nobody knew may have any name now, or the other way round.
        nameless = by_music.get(_NAMELESS, ()) if title else range(len(new))
        for place in same.union(nameless):
            new_title, new_start, new_end = _place_of(new[place])
            is_moved, is_renamed = (start, end) != (new_start, new_end), title != new_title
            if not is_moved or (start < new_end and new_start < end):
                candidates.append((is_moved, place not in same, is_renamed, at, place))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for *_rank, at, place in sorted(candidates):
        if at not in pairs and place not in taken:
            pairs[at] = place
            taken.add(place)
    return [(gone[at], new[place]) for at, place in pairs.items()]


def _music_of(line: _Line, matches: Mapping[_Line, str]) -> Iterator[tuple[str, str]]:
    """Yield what a line has in common with one that says the same otherwise."""
    yield "title", line[0]
    if matches[line]:
        yield "match", matches[line]


def _words_beside(line: _Line, other: _Line) -> str:
    """Return what a line says otherwise than another one, as the page of the sheet does."""
    cells = zip(_NAMES, line, other, strict=True)
    return " · ".join(
        _in_words(name, cell) for name, cell, beside in cells if cell and cell != beside
    )


def _in_words(name: str, cell: str) -> str:
    """Return a cell as the page of the sheet says it."""
    if name == "share_pct":
        return f"{cell} %"
    return str(WORDS.get(name, {}).get(cell, cell))


def _find_moved_lines(then: Sequence[_Line], now: Sequence[_Line]) -> list[_Line]:
    """Return the lines of both that the others have passed, as few as possible.

    The lines that stay are the longest series whose places rise in both.
    """
    places: dict[_Line, list[int]] = {}
    for place, line in reversed(list(enumerate(then))):
        places.setdefault(line, []).append(place)
    both = [(places[line].pop(), line) for line in now if places.get(line)]
    ends: list[int] = []
    lengths: list[int] = []
    for place, _line in both:
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        lengths.append(length)
    moved: list[_Line] = []
    rank, limit = len(ends) - 1, len(then)
    for (place, line), length in zip(reversed(both), reversed(lengths), strict=True):
        if length == rank and place < limit:
            rank, limit = rank - 1, place
        else:
            moved.append(line)
    return moved[::-1]

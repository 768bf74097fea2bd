"""The steps of a cue sheet from draft to approval, by two people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, Final, TypeAlias

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import audit.services
from accounts.models import User
from accounts.reach import is_limited, sees_every_bucket, why_unseen, working_for
from accounts.roles import Action
from common.words import lowered
from reports.cue_entries import SheetRefused
from reports.cue_sheet_files import SIGNED, content_hash, lines_of, signed
from reports.cue_sheets import CueSheet, cue_sheet
from reports.cues import WORDS
from reports.models import SheetApproval, SheetState
from review.approval import may_approve_own, why_no_second_person
from review.choices import WAITING_STATES
from review.models import Match
from scanning.models import ScannedFile

_Line: TypeAlias = tuple[str, ...]
"""The signed cells of a line as text, without its number."""
_NAMES: Final = tuple(column.name for column in SIGNED[1:])


class SheetStep(StrEnum):
    """What people do with a sheet; the values are the events."""

    SUBMIT = "cue_sheet.submitted"
    TAKE_BACK = "cue_sheet.taken_back"
    RETURN = "cue_sheet.returned"
    APPROVE = "cue_sheet.approved"
    CORRECT = "cue_sheet.correction_begun"


@dataclass(frozen=True, slots=True)
class _Rule:
    """From which states a step leads where, and who may take it."""

    starts: tuple[SheetState, ...]
    end: SheetState
    action: Action
    needs_note: bool = False
    is_answer: bool = False
    signs: bool = False
    """Whether it says that each line of the sheet is right."""


_RULES: Final[Mapping[SheetStep, _Rule]] = {
    SheetStep.SUBMIT: _Rule(
        (SheetState.DRAFT, SheetState.RETURNED),
        SheetState.SUBMITTED,
        Action.DECIDE,
        signs=True,
    ),
    SheetStep.TAKE_BACK: _Rule(
        (SheetState.SUBMITTED,), SheetState.DRAFT, Action.DECIDE
    ),
    SheetStep.RETURN: _Rule(
        (SheetState.SUBMITTED,),
        SheetState.RETURNED,
        Action.APPROVE,
        needs_note=True,
        is_answer=True,
    ),
    SheetStep.APPROVE: _Rule(
        (SheetState.SUBMITTED,),
        SheetState.APPROVED,
        Action.APPROVE,
        is_answer=True,
        signs=True,
    ),
    SheetStep.CORRECT: _Rule((SheetState.APPROVED,), SheetState.DRAFT, Action.DECIDE),
}


class LineChange(StrEnum):
    """How a line of an approved sheet differs from today's."""

    GONE = "gone"
    MOVED = "moved"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class SheetDifference:
    """A line that only one of both sheets has, or that stands elsewhere among the rest."""

    title: str
    time_in: str
    time_out: str
    change: LineChange
    details: str = ""
    """What else the line says, if the other sheet has its title at the same times."""


def approval_of(file: ScannedFile) -> SheetApproval:
    """Return where a file's sheet stands; a draft that is not stored if nobody began."""
    row = SheetApproval.objects.select_related("submitted_by", "answered_by")
    return row.filter(scanned_file=file).first() or SheetApproval(scanned_file=file)


def allowed_steps(approval: SheetApproval, user: User) -> list[SheetStep]:
    """Return the steps that this user may take now."""
    return [
        step
        for step in SheetStep
        if not _why_not(step, approval, user)
        and not _why_unread(step, approval.scanned_file, user)
    ]


def why_no_signature(approval: SheetApproval, user: User) -> str:
    """Return why this user may not submit or approve the sheet now; empty if they may.

    Of a draft it says only what keeps those from submitting it whose role allows it.
    """
    is_submitted = approval.state == SheetState.SUBMITTED
    step = SheetStep.APPROVE if is_submitted else SheetStep.SUBMIT
    if why := _why_not(step, approval, user):
        return why if is_submitted else ""
    return _why_unread(step, approval.scanned_file, user)


def take_step(
    *, file: ScannedFile, user: User, step: SheetStep, version: int, note: str = ""
) -> SheetApproval:
    """Take one step; ``version`` is the one that the user saw. Raises ``SheetRefused``.

    A sheet that says something else than when it was submitted is not approved.
    """
    rule, note = _RULES[step], note.strip()
    if rule.needs_note and not note:
        raise SheetRefused("note_missing", _("Say what should change."))
    # Read before the transaction, which only writes.
    with working_for(None):
        sheet = cue_sheet(file=file)
    mark, open_matches = content_hash(sheet), waiting_in(file)
    unread = _why_unread(step, file, user)
    if step == SheetStep.SUBMIT and open_matches:
        raise SheetRefused(
            "open",
            ngettext(
                "%(n)s match of this file waits for a decision. Decide it first.",
                "%(n)s matches of this file wait for a decision. Decide them first.",
                open_matches,
            )
            % {"n": open_matches},
        )
    with transaction.atomic():
        row, _new = SheetApproval.objects.get_or_create(scanned_file=file)
        before = SheetState(row.state)
        refusal = _why_not(step, row, user)
        if refusal:
            raise SheetRefused("not_possible", refusal)
        if unread:
            raise SheetRefused("limited", unread)
        if row.version != version:
            raise SheetRefused("stale", _("The sheet has changed; nothing was saved."))
        if step == SheetStep.APPROVE and row.sha256 != mark:
            raise SheetRefused("changed", changed_text())
        changes = _changes(rule, row, sheet, mark, user, note)
        taken = SheetApproval.objects.filter(
            pk=row.pk, state=before, version=version
        ).update(**changes)
        if not taken:
            raise SheetRefused("stale", _("The sheet has changed; nothing was saved."))
        audit.services.record(
            case=f"file:{file.uid}",
            action=step.value,
            actor=user,
            before={"state": before.value, "version": version},
            after={
                "state": rule.end.value,
                "version": changes.get("version", version),
                "cues": len(sheet.cues),
                "unknown": sheet.unknown,
                "sha256": mark,
            },
            note=note,
        )
    return approval_of(file)


def changed_text() -> str:
    """Return what a sheet says that differs from the one that was submitted."""
    return _(
        "The sheet has changed since it was submitted, so it cannot be approved. "
        "Return it, so that it is submitted as it is now."
    )


def has_changed(approval: SheetApproval) -> bool:
    """Tell whether a submitted or approved sheet says something else today."""
    if approval.state not in {SheetState.SUBMITTED, SheetState.APPROVED}:
        return False
    with working_for(None):
        return content_hash(cue_sheet(file=approval.scanned_file)) != approval.sha256


def differences(approval: SheetApproval, sheet: CueSheet) -> list[SheetDifference]:
    """Return the lines in which today's sheet differs from the one approved last.

    To people who may not see every bucket, sheets differ: they get none.
    """
    if not approval.lines or not sees_every_bucket():
        return []
    approved = [_line(cells) for cells in approval.lines]
    today = [_line(cells) for cells in lines_of(sheet)]
    then, now = Counter(approved), Counter(today)
    gone, new = list((then - now).elements()), list((now - then).elements())
    changed = [
        *((LineChange.GONE, line, _details(line, new)) for line in gone),
        *((LineChange.MOVED, line, "") for line in _find_moved_lines(approved, today)),
        *((LineChange.NEW, line, _details(line, gone)) for line in new),
    ]
    found = [
        SheetDifference(*_place_of(line), change, details)
        for change, line, details in changed
    ]
    return sorted(found, key=lambda each: each.time_in)


def _place_of(line: _Line) -> tuple[str, str, str]:
    """Return the title and the times of a line."""
    return line[0], line[9], line[10]


def _details(line: _Line, others: Sequence[_Line]) -> str:
    """Return what a line says otherwise than its counterpart; empty without one."""
    twin = next((each for each in others if _place_of(each) == _place_of(line)), line)
    said = zip(_NAMES, line, twin, strict=True)
    return " · ".join(
        _in_words(name, cell) for name, cell, other in said if cell and cell != other
    )


def _in_words(name: str, cell: str) -> str:
    """Return a cell as the page of the sheet says it."""
    if name == "share_pct":
        return f"{cell} %"
    return str(WORDS.get(name, {}).get(cell, cell))


def _find_moved_lines(approved: Sequence[_Line], today: Sequence[_Line]) -> list[_Line]:
    """Return the lines of both sheets that the others have passed, as few as possible."""
    here, there = set(today), set(approved)
    then = [line for line in approved if line in here]
    now = [line for line in today if line in there]
    blocks = SequenceMatcher(a=then, b=now, autojunk=False).get_matching_blocks()
    stayed = {at for _then, first, size in blocks for at in range(first, first + size)}
    return [line for at, line in enumerate(now) if at not in stayed]


def waiting_in(file: ScannedFile) -> int:
    """Return how many matches of the file wait for a person, whoever may see them."""
    with working_for(None):
        rows = Match.objects.filter(scanned_file=file, state__in=WAITING_STATES)
        return rows.count()


def _why_not(step: SheetStep, approval: SheetApproval, user: User) -> str:
    rule, state = _RULES[step], SheetState(approval.state)
    if not user.has_perm(rule.action):
        if rule.is_answer:
            return _("A manager answers it.")
        return _("Your role may view cue sheets but not change them.")
    if state not in rule.starts:
        return _("The sheet is %(state)s.") % {"state": lowered(state.label)}
    if rule.is_answer and (why := why_no_second_person(user)):
        return why
    if rule.is_answer and approval.submitted_by_id == user.pk:
        if not may_approve_own(user):
            return _("You submitted it, so another manager answers it.")
    elif step == SheetStep.TAKE_BACK and approval.submitted_by_id != user.pk:
        return _("Only the person who submitted it takes it back.")
    return ""


def _why_unread(step: SheetStep, file: ScannedFile, user: User) -> str:
    """Return why the user may not sign the sheet, of which access limits hide lines."""
    if not _RULES[step].signs or not is_limited(user):
        return ""
    with working_for(None):
        lines = Counter(map(_line, lines_of(cue_sheet(file=file))))
    with working_for(user):
        lines -= Counter(map(_line, lines_of(cue_sheet(file=file))))
    return why_unseen(lines.total())


def _changes(
    rule: _Rule,
    row: SheetApproval,
    sheet: CueSheet,
    mark: str,
    user: User,
    note: str,
) -> dict[str, Any]:  # Any: values of the fields
    changes: dict[str, Any] = {"state": rule.end, "note": note}
    now = datetime.now(tz=UTC)
    if rule.end == SheetState.SUBMITTED:
        changes |= {"submitted_by": user, "submitted_at": now, "sha256": mark}
        changes |= {"answered_by": None, "answered_at": None}
    if rule.is_answer:
        changes |= {"answered_by": user, "answered_at": now}
    if rule.end == SheetState.APPROVED:
        changes["lines"] = lines_of(sheet)
    if row.state == SheetState.APPROVED:
        changes["version"] = row.version + 1
    return changes


def _line(cells: Sequence[Any]) -> _Line:
    """Return a line without its number, which moves with the lines before it."""
    return tuple(
        ", ".join(cell) if isinstance(cell, list) else "" if cell is None else str(cell)
        for cell in signed(cells)[1:]
    )

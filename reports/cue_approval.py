"""The steps of a cue sheet from draft to approval, by two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import is_limited, why_unseen, working_for
from base.accounts.roles import Action
from base.common.phrases import lowered
from base.common.storage import StoredFile, kept_only_if_done
from reports.cue_entries import SheetRefused
from reports.cue_sheets import CueSheet, cue_sheet, listed_cues
from reports.cue_statement import (
    attach_files,
    count_unread,
    differs,
    digest_of_lines,
    issue_version,
    last_version,
    lock_versions,
    signed_lines,
    store_files,
    versions_of,
)
from reports.models import SheetApproval, SheetState
from review.approval import may_approve_own, why_no_second_person
from review.choices import WAITING_STATES
from review.models import Match
from scanning.models import ScannedFile
from statements.choices import StatementState
from statements.services import advance


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
        (SheetState.DRAFT, SheetState.RETURNED), SheetState.SUBMITTED, Action.DECIDE, signs=True
    ),
    SheetStep.TAKE_BACK: _Rule((SheetState.SUBMITTED,), SheetState.DRAFT, Action.DECIDE),
    SheetStep.RETURN: _Rule(
        (SheetState.SUBMITTED,),
        SheetState.RETURNED,
        Action.APPROVE,
        needs_note=True,
        is_answer=True,
    ),
    SheetStep.APPROVE: _Rule(
        (SheetState.SUBMITTED,), SheetState.APPROVED, Action.APPROVE, is_answer=True, signs=True
    ),
    SheetStep.CORRECT: _Rule((SheetState.APPROVED,), SheetState.DRAFT, Action.DECIDE),
}


def approval_of(file: ScannedFile) -> SheetApproval:
    """Return where a file's sheet stands; a draft that is not stored if nobody began."""
    row = SheetApproval.objects.select_related("submitted_by", "answered_by")
    return row.filter(scanned_file=file).first() or SheetApproval(scanned_file=file)


def allowed_steps(approval: SheetApproval, user: User) -> list[SheetStep]:
    """Return the steps that this user may take now."""
    return [
        step
        for step in SheetStep
        if not _why_not(step, approval, user) and not _why_unread(step, approval.scanned_file, user)
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
    *,
    file: ScannedFile,
    user: User,
    step: SheetStep,
    version: int,
    note: str = "",
    read: str | None = None,
) -> SheetApproval:
    """Take one step; ``version`` is the one that the user saw. Raises ``SheetRefused``.

    ``read`` is the digest of the lines on the page from which somebody signs.
    A sheet that says something else than when it was submitted is not approved.
    """
    rule, note = _RULES[step], note.strip()
    if rule.needs_note and not note:
        raise SheetRefused("note_missing", _("Say what should change."))
    # Read before the transaction, which only writes.
    seen = approval_of(file)
    if refusal := _why_not(step, seen, user):
        raise SheetRefused("not_possible", refusal)
    with working_for(None):
        sheet = cue_sheet(file=file)
    open_matches = waiting_in(file)
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
    if rule.signs and read is not None and read != digest_of_lines(sheet):
        raise SheetRefused(
            "stale",
            _("The sheet has changed since you opened it; nothing was saved. Read it again."),
        )
    if unread := _why_unread(step, file, user):
        raise SheetRefused("limited", unread)
    now = datetime.now(tz=UTC)
    with kept_only_if_done() as names:
        files: Mapping[str, StoredFile] = {}
        if step == SheetStep.APPROVE:
            files = store_files(sheet, _approved_text(seen, user, now), names)
        with transaction.atomic():
            row, _new = SheetApproval.objects.get_or_create(scanned_file=file)
            changes = _changes(rule, row, user, note, now)
            taken = SheetApproval.objects.filter(
                pk=row.pk, state=seen.state, version=version, submitted_at=seen.submitted_at
            ).update(**changes)
            if not taken:
                raise SheetRefused("stale", _("The sheet has changed; nothing was saved."))
            _lead_version(step, sheet, user, note, now, files)
            base.audit.services.record(
                case=f"file:{file.uid}",
                action=step.value,
                actor=user,
                before={"state": seen.state, "version": version},
                after={
                    "state": rule.end.value,
                    "version": changes.get("version", version),
                    "cues": len(sheet.cues),
                    "unknown": sheet.unknown,
                },
                note=note,
            )
    return approval_of(file)


def _lead_version(
    step: SheetStep,
    sheet: CueSheet,
    user: User,
    note: str,
    now: datetime,
    files: Mapping[str, StoredFile],
) -> None:
    """Let the sheet's last version follow a step; raises ``SheetRefused``."""
    if step == SheetStep.CORRECT:
        return
    lock_versions(sheet.file)
    if step == SheetStep.SUBMIT:
        issue_version(sheet=sheet, user=user, state=StatementState.SUBMITTED)
        return
    last = last_version(sheet.file)
    state = StatementState.DRAFT
    if step == SheetStep.APPROVE:
        if last is None or last.content != signed_lines(sheet):
            raise SheetRefused("changed", changed_text())
        attach_files(last, sheet, files)
        state = StatementState.APPROVED
    if last is not None:
        advance(statement=last, state=state, user=user, note=note, at=now)


def _approved_text(approval: SheetApproval, user: User, now: datetime) -> str:
    """Return what the documents of an approved sheet say of its steps."""
    by, at = approval.submitted_by, approval.submitted_at
    submitted = f"submitted by {by or '–'}"
    if at is not None:
        submitted += f" on {at:%Y-%m-%d %H:%M} UTC"
    return (
        f"Version {approval.version}, {submitted}, approved by {user} on {now:%Y-%m-%d %H:%M} UTC"
    )


def changed_text() -> str:
    """Return what a sheet says that differs from the one that was submitted."""
    return _(
        "The sheet has changed since it was submitted, so it cannot be approved. "
        "Return it, so that it is submitted as it is now."
    )


def has_changed(approval: SheetApproval) -> bool:
    """Tell whether a submitted or approved sheet says something else today.

    A submitted one is only approved as it is, to the millisecond.
    """
    states = {
        SheetState.SUBMITTED: StatementState.SUBMITTED,
        SheetState.APPROVED: StatementState.APPROVED,
    }
    state = states.get(SheetState(approval.state))
    file = approval.scanned_file
    if state is None:
        return False
    with working_for(None):
        version = versions_of(str(file.uid)).filter(state=state).first()
        today = listed_cues(file)
    if version is None:
        return False
    if state == StatementState.SUBMITTED:
        return bool(version.content != signed_lines(today))
    return differs(version, today)


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
        everything = cue_sheet(file=file)
    with working_for(user):
        return why_unseen(count_unread(everything, cue_sheet(file=file)))


def _changes(
    rule: _Rule, row: SheetApproval, user: User, note: str, now: datetime
) -> dict[str, Any]:  # Any: values of the fields
    changes: dict[str, Any] = {"state": rule.end, "note": note}
    if rule.end == SheetState.SUBMITTED:
        changes |= {"submitted_by": user, "submitted_at": now}
        changes |= {"answered_by": None, "answered_at": None}
    if rule.is_answer:
        changes |= {"answered_by": user, "answered_at": now}
    if row.state == SheetState.APPROVED:
        changes["version"] = row.version + 1
    return changes

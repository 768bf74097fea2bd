"""What a platform answers to the rows of a file: successful, or refused and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from plugins.claims.choices import FileState, RowAnswer
from plugins.claims.errors import ClaimsRefused
from plugins.claims.models import ClaimFile, ClaimFileRow, Discrepancy

_LENGTH: Final = 500
_WEIGHT: Final = [RowAnswer.SUCCESSFUL, RowAnswer.WARNING, RowAnswer.ERRORS]
Prior = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class PlatformAnswer:
    """The answer to one row."""

    status: RowAnswer
    text: str = ""

    def joined(self, answer: PlatformAnswer) -> PlatformAnswer:
        """Return both answers as one; the worse status counts."""
        texts = [text for text in (self.text, answer.text) if text]
        return PlatformAnswer(max(self.status, answer.status, key=_WEIGHT.index), "; ".join(texts))


def changes(*, file: ClaimFile, answers: Mapping[int, PlatformAnswer]) -> set[int]:
    """Return the numbers of the rows that were answered otherwise before."""
    rows = ClaimFileRow.objects.filter(file=file)
    return {row.number for row in rows if _differs(row, answers.get(row.number))}


def _differs(row: ClaimFileRow, answer: PlatformAnswer | None) -> bool:
    return answer is not None and (row.answer, row.answer_text) != (
        answer.status,
        answer.text[:_LENGTH],
    )


@transaction.atomic
def answer_rows(*, file: ClaimFile, answers: Mapping[int, PlatformAnswer], user: User) -> Prior:
    """Mark the rows; return what they said before, by key. Raises ``ClaimsRefused``."""
    locked = ClaimFile.objects.select_for_update().get(pk=file.pk)
    if locked.state not in (FileState.SENT, FileState.ANSWERED):
        raise ClaimsRefused(
            _("This file was not sent, so nothing answers it. Mark it as sent first.")
        )
    changed = [
        row
        for row in ClaimFileRow.objects.filter(file=file)
        if _differs(row, answers.get(row.number))
    ]
    prior = {str(row.pk): [row.answer, row.answer_text] for row in changed}
    elsewhere = _held_elsewhere(changed)
    for row in changed:
        answer = answers[row.number]
        row.answer, row.answer_text = answer.status, answer.text[:_LENGTH]
    _save(changed, elsewhere)
    ClaimFile.objects.filter(pk=file.pk).update(state=FileState.ANSWERED)
    errors = sum(answer.status == RowAnswer.ERRORS for answer in answers.values())
    base.audit.services.record(
        case=file.case,
        action="claims.file_answered",
        actor=user,
        before={"state": locked.state},
        after={"state": FileState.ANSWERED.value, "answers": len(answers), "errors": errors},
    )
    return prior


@transaction.atomic
def take_back(*, file: ClaimFile, prior: Prior, state: str, user: User) -> None:
    """Put back what the rows said before. Raises ``ClaimsRefused``."""
    rows = list(ClaimFileRow.objects.filter(file=file, pk__in=[int(key) for key in prior]))
    elsewhere = _held_elsewhere(rows)
    if any(row.discrepancy_id in elsewhere for row in rows if row.answer == RowAnswer.ERRORS):
        raise ClaimsRefused(
            _("Entries of refused rows are in another file by now. Withdraw it first.")
        )
    for row in rows:
        row.answer, row.answer_text = prior[str(row.pk)]
    _save(rows, elsewhere)
    ClaimFile.objects.filter(pk=file.pk).update(state=state)
    base.audit.services.record(
        case=file.case,
        action="claims.undone",
        actor=user,
        before={"state": FileState.ANSWERED.value},
        after={"state": state},
    )


def _held_elsewhere(rows: list[ClaimFileRow]) -> set[int]:
    """Lock the entries of rows; return the keys of those that other files hold."""
    keys = [row.discrepancy_id for row in rows]
    list(Discrepancy.objects.select_for_update().filter(pk__in=keys).order_by("pk"))
    held = ClaimFileRow.objects.living().filter(discrepancy__in=keys)
    elsewhere = held.exclude(pk__in=[row.pk for row in rows])
    return set(elsewhere.values_list("discrepancy_id", flat=True))


def _save(rows: list[ClaimFileRow], held_elsewhere: set[int]) -> None:
    for row in rows:
        is_free = row.discrepancy_id not in held_elsewhere
        row.holds_entry = is_free and row.answer != RowAnswer.ERRORS
    ClaimFileRow.objects.bulk_update(rows, ["answer", "answer_text", "holds_entry"], batch_size=200)

"""Reads a status file or an errors file, and marks the rows that it answers.

Of a status file only ``Row number`` and ``Status`` with its two values are documented, of
an errors file code, severity, message and row (support.google.com 7106966). Whether the
header counts as a row is not, so it is found out or a person says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from base.accounts.reach import refuse_limited, working_for
from base.audit.models import Event
from base.common.storage import local_path
from imports.errors import ImportRefused, TableRefused
from imports.kinds import Columns
from imports.models import ImportStep
from imports.names import compared
from imports.table_layout import RawRow
from imports.table_notes import reading_of
from imports.undoing.steps import Stays, Undo
from plugins.claims import answers
from plugins.claims.answers import PlatformAnswer
from plugins.claims.choices import RowAnswer
from plugins.claims.errors import ClaimsRefused
from plugins.claims.importing.reading import Rows, open_report
from plugins.claims.models import AnswersImport

SHOWN: Final = 200
_ROW: Final = ("row_number", "row")
_STATUS: Final = ("status", "severity")
_MESSAGES: Final = ("code", "error_code", "message", "error_message")
_NAMES: Final = frozenset(map(compared, (*_ROW, *_STATUS, *_MESSAGES)))
_MEANING: Final = {
    "successful": RowAnswer.SUCCESSFUL,
    "errors": RowAnswer.ERRORS,
    "permanent_error": RowAnswer.ERRORS,
    "warning": RowAnswer.WARNING,
}


@dataclass(slots=True)
class AnswersSummary:
    """What an import did or would do; ``errors`` counts the refused rows of our file."""

    rows: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: int = 0
    refused: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def note(self, line: int, column: str, value: str, rule: str) -> None:
        """Count a row that cannot be read; the first are kept."""
        self.refused += 1
        if len(self.faults) < SHOWN:
            self.faults.append({"line": line, "column": column, "value": value[:200], "rule": rule})


@dataclass(frozen=True, slots=True)
class _AnswerRow:
    line: int
    number: int
    answer: PlatformAnswer


def run(import_: AnswersImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the answers, or only check them; return the outcome's columns."""
    user = import_.starter()
    refuse_limited(user)
    summary = AnswersSummary()
    with (
        working_for(None),
        local_path(import_.file) as path,
        open_report(path, names=_NAMES) as rows,
    ):
        answer_rows = list(_read(rows, summary, heartbeat))
        by_number = _by_number(answer_rows, _offset(import_, answer_rows), import_, summary)
        changes = answers.changes(file=import_.claim_file, answers=by_number)
        summary.updated = len(changes)
        summary.unchanged = len(by_number) - len(changes)
        summary.reading = reading_of(rows.table, not_read=summary.unknown_columns)
        summary.errors = sum(answer.status == RowAnswer.ERRORS for answer in by_number.values())
        if not dry and not ImportStep.objects.filter(import_uid=import_.uid).exists():
            try:
                prior = answers.answer_rows(file=import_.claim_file, answers=by_number, user=user)
            except ClaimsRefused as refused:
                raise ImportRefused(str(refused)) from refused
            return {"summary": asdict(summary), "prior": prior}
    return {"summary": asdict(summary)}


def _read(
    rows: Rows, summary: AnswersSummary, heartbeat: Callable[[], None]
) -> Iterator[_AnswerRow]:
    places = {name: at for at, name in reversed(list(enumerate(rows.header)))}
    number_at = next((places[name] for name in _ROW if name in places), None)
    status_at = next((places[name] for name in _STATUS if name in places), None)
    if number_at is None or status_at is None:
        raise TableRefused(
            _(
                "This is no status file: it needs the columns Row number and Status. "
                "This file has: %(header)s"
            )
            % {"header": ", ".join(rows.header)[:300]}
        )
    texts_at = [places[name] for name in _MESSAGES if name in places]
    read = {number_at, status_at, *texts_at}
    summary.unknown_columns = [
        name[:80] for at, name in enumerate(rows.header) if name and at not in read
    ][:50]
    for row in rows:
        heartbeat()
        summary.rows += 1
        number, status = _cell(row, number_at), _cell(row, status_at)
        meaning = _MEANING.get(status.lower().replace(" ", "_"))
        if not (number.isascii() and number.isdigit() and len(number) < 8):
            rule = _("A row number is needed.")
            summary.note(row.line, rows.header[number_at], number, rule)
        elif meaning is None:
            rule = _("Only Successful and Errors are known.")
            summary.note(row.line, rows.header[status_at], status, rule)
        else:
            texts = [text for at in texts_at if (text := _cell(row, at))]
            yield _AnswerRow(row.line, int(number), PlatformAnswer(meaning, ": ".join(texts)))


def _cell(row: RawRow, at: int) -> str:
    return row.cells[at].replace("\0", "").strip() if at < len(row.cells) else ""


def _offset(import_: AnswersImport, answer_rows: list[_AnswerRow]) -> int:
    """Return what to take off a row's number for the first entry to be 1."""
    if import_.first_row is not None:
        return import_.first_row - 1
    numbers = {row.number for row in answer_rows}
    if 1 in numbers:
        return 0
    if import_.claim_file.row_count + 1 in numbers:
        return 1
    raise TableRefused(
        _(
            "The file does not show whether its row numbers count the header. Choose it "
            "under Row numbers."
        )
    )


def _by_number(
    answer_rows: list[_AnswerRow], offset: int, import_: AnswersImport, summary: AnswersSummary
) -> Mapping[int, PlatformAnswer]:
    """Return one answer to each row; an error counts more than a success."""
    by_number: dict[int, PlatformAnswer] = {}
    for row in answer_rows:
        number = row.number - offset
        if not 1 <= number <= import_.claim_file.row_count:
            rule = _("The uploaded file has no such row.")
            summary.note(row.line, _ROW[0], str(row.number), rule)
        elif number in by_number:
            by_number[number] = by_number[number].joined(row.answer)
        else:
            by_number[number] = row.answer
    return by_number


def restore(undo: Undo, event: Event) -> str:
    """Put back what was answered before."""
    refuse_limited(undo.user)
    import_ = AnswersImport.objects.select_related("claim_file").get(uid=undo.import_uid)
    newest = AnswersImport.objects.filter(claim_file=import_.claim_file, pk__gt=import_.pk)
    steps = ImportStep.objects.filter(import_uid__in=newest.values("uid"), state="done")
    if steps.exists():
        raise Stays(_("Only the newest answers to a file can be undone."))
    try:
        answers.take_back(
            file=import_.claim_file,
            prior=import_.prior,
            state=event.before["state"],
            user=undo.user,
        )
    except ClaimsRefused as refused:
        raise Stays(str(refused)) from refused
    return ""

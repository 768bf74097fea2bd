"""Tables of letters, as a kind of import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from django import forms

from base.accounts.roles import Action
from base.audit.models import Event
from base.common.storage import local_path
from imports.kinds import Columns, ImportKind, register
from imports.tables import open_table, rows_of
from imports.undoing.steps import Undo
from plugins.letters.models import Letter, LettersImport
from plugins.letters.services import write_letter
from review.models import Match
from statements.models import Statement


@dataclass(slots=True)
class LettersSummary:
    """What an import of letters did or would do."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON


class LettersForm(forms.Form):
    """A table of letters."""

    file = forms.FileField()


def run(letters_import: LettersImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Write the letters of a table, or only count them."""
    summary = LettersSummary()
    with local_path(letters_import.file) as path, open_table(path, encoding="utf-8") as table:
        for row in rows_of(table):
            heartbeat()
            summary.rows += 1
            uid, text = row.cells[:2]
            match = Match.objects.filter(uid=uid).first()
            if match is None:
                summary.refused += 1
                fault = {"line": row.line, "column": "match", "value": uid}
                summary.faults.append({**fault, "rule": "The id of a match."})
                continue
            summary.added += 1
            if not dry:
                write_letter(match=match, text=text, user=letters_import.starter())
    return {"summary": asdict(summary)}


def remove_letter(_undo: Undo, event: Event) -> str:
    """Take a letter back."""
    letters = Letter.objects.filter(uid=event.case.partition(":")[2])
    Statement.objects.filter(subject__in=letters.values("uid")).delete()
    letters.delete()
    return ""


LETTERS_IMPORT = register(
    ImportKind(
        key="letters",
        name="letters_import",
        model=LettersImport,
        work="plugins.letters.importing.run",
        event="letters.import",
        action=Action.EDIT_CATALOGUE,
        labels=(
            "Check of letters",
            "Import of letters",
            "Check of an undo of letters",
            "Undo of an import of letters",
        ),
        form=LettersForm,
        uploads={"file": ("file", "letters-imports/{}")},
        summary=LettersSummary,
        address="letters/import",
        parent="portal:letters",
        parent_title="Letters",
        buttons=("portal:letters",),
        title="Import letters",
        lead="Letters from a table.",
        help={"columns": ("match", "text")},
        undoers={"letter.written": "plugins.letters.importing.remove_letter"},
    )
)

"""What people see of how a table was read, on the page, in the API and of a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.charsets import FILE_CHARSETS
from base.common.reading import read_number
from imports.reading_rules import CHOICES, ReadingRules
from imports.table_layout import RawRow, filled
from imports.tables import SHEET, Table

Json = dict[str, Any]  # Any: JSON
_SHOWN: Final = 20
_MAX_TEXT: Final = 120


def reading_of(
    table: Table,
    *,
    not_read: Iterable[str] = (),
    rules: ReadingRules | None = None,
    ruled: Iterable[str] = (),
) -> Json:
    """Return how a table was read, as a summary keeps it; ``ruled`` names the rules."""
    stated = rules.to_json() if rules is not None else {}
    return {
        "encoding": "" if table.encoding == SHEET else table.encoding,
        "separator": table.separator,
        "header_line": table.header_line,
        "above": [_as_json(row) for row in table.above[:_SHOWN]],
        "skipped": [_as_json(row) for row in list(table.skipped.values())[:_SHOWN]],
        "not_read": [name[:_MAX_TEXT] for name in not_read],
        "rules": {name: stated[name] for name in ruled},
    }


def _as_json(row: RawRow) -> Json:
    return {"line": row.line, "text": " ".join(filled(row))[:_MAX_TEXT]}


def notes(reading: Mapping[str, Any]) -> list[str]:
    """Return sentences about how a table was read, for people. Any: JSON."""
    if not reading:
        return []
    sentences, usual = [], ReadingRules().to_json()
    if (encoding := reading["encoding"]) and not encoding.startswith("utf-8"):
        name = FILE_CHARSETS.get(encoding, encoding.upper())
        sentences.append(_("The text is read as %(encoding)s.") % {"encoding": name})
    for row in reading["above"]:
        sentences.append(_("Line %(line)s is not read: %(text)s") % row)
    if reading["header_line"] > 1:
        sentences.append(_("Line %(line)s names the columns.") % {"line": reading["header_line"]})
    for row in reading["skipped"]:
        sentences.append(_("Line %(line)s is a total and is not read: %(text)s") % row)
    if names := reading["not_read"]:
        text = ngettext(
            "%(count)s column is not read: %(names)s",
            "%(count)s columns are not read: %(names)s",
            len(names),
        )
        names_shown = ", ".join(names[:_SHOWN]) + ("…" if len(names) > _SHOWN else "")
        sentences.append(text % {"count": read_number(len(names)), "names": names_shown})
    for name, value in reading["rules"].items():
        label, choices = CHOICES[name]
        if value != usual[name]:
            sentences.append(f"{label}: {choices[value]}")
    return sentences

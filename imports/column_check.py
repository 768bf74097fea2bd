"""The step in which a check maps the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.utils.translation import gettext as _

from imports import mapping
from imports.kinds import Columns, targets_of
from imports.models import ImportStatus, MappedImport, MappingOrigin
from imports.selectors import last_import_like
from imports.tables import RawRow


def map_columns(
    one: MappedImport,
    header: Sequence[str],
    rows: Iterable[RawRow],
    heartbeat: Callable[[], None],
    *,
    keep_unknown: bool = False,
) -> tuple[mapping.Columns, Columns]:
    """Return the mapping that a check uses, and the columns of the import that keep it.

    They have the status of an import that waits for a person, if a required column is
    missing.
    """
    targets, key = targets_of(one), mapping.header_key(header)
    origin = MappingOrigin.GUESSED
    if one.columns:
        columns = mapping.from_json(one.columns, targets)
        origin = MappingOrigin(one.columns_from)
    else:
        columns = mapping.read_columns(header, rows, targets, heartbeat)
        if earlier := last_import_like(one, key):
            as_before = mapping.from_json(earlier.columns, targets)
            columns, origin = mapping.as_in(columns, as_before), MappingOrigin.REPEATED
        else:
            columns = mapping.guess(columns, keep_unknown=keep_unknown)
    kept: Columns = {
        "columns": mapping.to_json(columns),
        "columns_from": origin,
        "header_key": key,
    }
    if missing := mapping.lacking(columns):
        cause = _("Choose the column for: %(names)s.") % {"names": ", ".join(missing)}
        kept |= {"status": ImportStatus.UNMAPPED, "message": cause}
    return columns, kept

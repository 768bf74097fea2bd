"""The metadata of a merged recording: where members differ, and which values to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from base.common.phrases import label_of
from catalogue.models import Recording

# Columns that follow a field: the result of checking the code.
_WITH = {"isrc": ("isrc_normalised", "isrc_status")}
FIELDS = tuple(name for name in Recording.DETAILS if name != "custom_id")
COLUMNS = (*FIELDS, *(column for columns in _WITH.values() for column in columns))


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One field of the merged recording: each member's value, and the chosen one."""

    name: str
    values: tuple[str, ...]
    uids: tuple[str, ...]
    chosen: int

    @property
    def label(self) -> str:
        """The field's name for people."""
        return str(label_of(Recording, self.name))

    @property
    def cells(self) -> list[tuple[str, str, bool]]:
        """For each member its uid, its value, and whether that value is chosen."""
        return [
            (uid, value, number == self.chosen)
            for number, (uid, value) in enumerate(zip(self.uids, self.values, strict=True))
        ]

    @property
    def differs(self) -> bool:
        """Whether members have different values, or only some have any."""
        return len(set(self.values)) > 1


def field_choices(
    members: Sequence[Recording], chosen: Mapping[str, str] | None = None
) -> list[FieldChoice]:
    """Return the fields of a merged recording; the canonical member comes first.

    By default a field takes the canonical recording's value or, if that is empty, the
    first other one. ``chosen`` overrides this, as uids by field.
    """
    overrides = chosen or {}
    uids = [member.uid for member in members]
    choices = []
    for name in FIELDS:
        values = tuple(member.detail_text(name) for member in members)
        uid = overrides.get(name, "")
        place = (
            uids.index(uid)
            if uid in uids
            # The first member with a value; members come canonical first.
            else next((n for n, value in enumerate(values) if value), 0)
        )
        choices.append(FieldChoice(name, values, tuple(uids), place))
    return choices


def merged_columns(
    members: Sequence[Recording], chosen: Mapping[str, str]
) -> dict[str, Any]:  # Any: a column's value
    columns: dict[str, Any] = {}
    for choice in field_choices(members, chosen):
        source = members[choice.chosen]
        for column in (choice.name, *_WITH.get(choice.name, ())):
            columns[column] = getattr(source, column)
    return columns

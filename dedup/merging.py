"""Which metadata a merged record has: what differs, and what to choose of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from catalogue.models import Recording

LABELS = {
    "title": gettext_lazy("Title"),
    "version_title": gettext_lazy("Version"),
    "artists": gettext_lazy("Artists"),
    "isrc": gettext_lazy("ISRC"),
    "album": gettext_lazy("Album"),
    "label": gettext_lazy("Label"),
    "release_date": gettext_lazy("Released"),
    "upc": gettext_lazy("UPC or EAN"),
    "iswc": gettext_lazy("ISWC"),
    "writers": gettext_lazy("Writers"),
    "publishers": gettext_lazy("Publishers"),
    "notes": gettext_lazy("Notes"),
}
# Columns that go with a field: what a check said of the code.
_WITH = {"isrc": ("isrc_normalised", "isrc_status")}
FIELDS = tuple(LABELS)
COLUMNS = (*FIELDS, *(column for more in _WITH.values() for column in more))


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One field of the merged record: what each member says, and whose counts."""

    name: str
    values: tuple[str, ...]
    uids: tuple[str, ...]
    chosen: int

    @property
    def label(self) -> str:
        """Return what people call the field."""
        return str(LABELS[self.name])

    @property
    def cells(self) -> list[tuple[str, str, bool]]:
        """Return for each member its uid, what it says, and whether that counts."""
        return [
            (uid, value, number == self.chosen)
            for number, (uid, value) in enumerate(
                zip(self.uids, self.values, strict=True)
            )
        ]

    @property
    def differs(self) -> bool:
        """Tell whether members say different things, or only some say anything."""
        return len(set(self.values)) > 1


def field_choices(
    members: Sequence[Recording], chosen: Mapping[str, str] | None = None
) -> list[FieldChoice]:
    """Return the fields of a merged record; the canonical recording comes first.

    Unless chosen otherwise (uid by field), its own value counts, or where it has
    none, the first that another has.
    """
    wanted = chosen or {}
    uids = [member.uid for member in members]
    choices = []
    for name in FIELDS:
        values = tuple(shown(getattr(member, name)) for member in members)
        given = wanted.get(name, "")
        place = (
            uids.index(given)
            if given in uids
            else next((n for n, value in enumerate(values) if value), 0)
        )
        choices.append(FieldChoice(name, values, tuple(uids), place))
    return choices


def merged_columns(
    members: Sequence[Recording], chosen: Mapping[str, str]
) -> dict[str, Any]:  # Any: a column's value
    """Return the columns of the merged record."""
    columns: dict[str, Any] = {}
    for choice in field_choices(members, chosen):
        source = members[choice.chosen]
        for column in (choice.name, *_WITH.get(choice.name, ())):
            columns[column] = getattr(source, column)
    return columns


def shown(value: object) -> str:
    """Return a column as one line."""
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value or "")

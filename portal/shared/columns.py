"""The columns of lists that each person may hide or add."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; ``usual`` ones are shown until a person chooses."""

    name: str
    label: Promise
    usual: bool = True


_OF_MATCHES = (
    Column("where", _("Where in source")),
    Column("matched", _("Matched")),
    Column("relation", _("Relation")),
    Column("score", _("Score")),
    Column("isrc", _("ISRC"), usual=False),
    Column("label", _("Label"), usual=False),
    Column("platform", _("Platform"), usual=False),
)
# Columns that name a row or lead to its page are always there and not listed.
LISTS: dict[str, tuple[Column, ...]] = {
    "queue": (
        *_OF_MATCHES,
        Column("due", _("Due, found")),
        Column("held", _("Held by")),
    ),
    "matches": (*_OF_MATCHES, Column("found", _("Found"))),
    "files": (
        Column("container", _("Container")),
        Column("length", _("Length")),
        Column("matches", _("Matches")),
        Column("coverage", _("Coverage")),
        Column("added", _("Added")),
        Column("platform", _("Platform"), usual=False),
        Column("published", _("Published"), usual=False),
        Column("territories", _("Territories"), usual=False),
        Column("tags", _("Tags"), usual=False),
    ),
    "recordings": (
        Column("isrc", _("ISRC")),
        Column("label", _("Label")),
        Column("length", _("Length")),
        Column("matches", _("Matches")),
        Column("album", _("Album"), usual=False),
        Column("released", _("Release date"), usual=False),
        Column("custom_id", _("Custom ID"), usual=False),
    ),
}


def columns_shown(user: User, name: str) -> frozenset[str]:
    """Return the names of the columns of a list that the user sees."""
    chosen = user.list_columns.get(name)
    if chosen is None:
        return frozenset(column.name for column in LISTS[name] if column.usual)
    return frozenset(chosen)

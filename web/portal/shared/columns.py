"""The columns of lists that each person may hide or add."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column of a list; ``usual`` ones are shown until a person chooses."""

    name: str
    label: Promise
    usual: bool = True


_OF_MATCHES = (
    ListColumn("where", _("Where in source")),
    ListColumn("matched", _("Matched")),
    ListColumn("relation", _("Relation")),
    ListColumn("score", _("Score")),
    ListColumn("isrc", _("ISRC"), usual=False),
    ListColumn("label", _("Label"), usual=False),
    ListColumn("platform", _("Platform"), usual=False),
)
# Columns that name a row or lead to its page are always there and not listed.
LISTS: dict[str, tuple[ListColumn, ...]] = {
    "queue": (*_OF_MATCHES, ListColumn("due", _("Due, found")), ListColumn("held", _("Held by"))),
    "matches": (*_OF_MATCHES, ListColumn("found", _("Found"))),
    "files": (
        ListColumn("container", _("Container")),
        ListColumn("length", _("Length")),
        ListColumn("matches", _("Matches")),
        ListColumn("coverage", _("Coverage")),
        ListColumn("added", _("Added")),
        ListColumn("platform", _("Platform"), usual=False),
        ListColumn("published", _("Published"), usual=False),
        ListColumn("territories", _("Territories"), usual=False),
        ListColumn("tags", _("Tags"), usual=False),
    ),
    "recordings": (
        ListColumn("isrc", _("ISRC")),
        ListColumn("label", _("Label")),
        ListColumn("length", _("Length")),
        ListColumn("matches", _("Matches")),
        ListColumn("album", _("Album"), usual=False),
        ListColumn("released", _("Release date"), usual=False),
        ListColumn("custom_id", _("Custom ID"), usual=False),
    ),
}


def columns_shown(user: User, name: str) -> frozenset[str]:
    """Return the names of the columns of a list that the user sees."""
    chosen = user.list_columns.get(name)
    if chosen is None:
        return frozenset(column.name for column in LISTS[name] if column.usual)
    return frozenset(chosen)

"""The options of a report besides its filters and columns.

Forms, API and command build their fields from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from reports.choices import FilesWithout, Format, Mode, Separator

if TYPE_CHECKING:
    # Only the stubs of Django have a name for translated texts.
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Option:
    """One option; without ``choices`` it is on or off."""

    name: str
    label: str | _StrPromise
    default: str | bool
    choices: type[TextChoices] | None = None
    help: str = ""
    """What the command's help says."""

    def read(self, value: object) -> object:
        """Return the value of a text or flag; of none, the default."""
        if value is None or value == "":
            value = self.default
        if self.choices is not None:
            return self.choices(str(value))
        return value in (True, "yes")


OPTIONS = {
    option.name: option
    for option in (
        Option("mode", _("One row per"), Mode.MATCH, Mode, "the subject of a row"),
        Option("format", _("Format"), Format.CSV, Format, "default: by the name of the file"),
        Option(
            "separator",
            _("Separator (CSV)"),
            Separator.COMMA,
            Separator,
            "between the columns of CSV",
        ),
        Option("byte_order_mark", _("Byte order mark (CSV)"), default=True),
        Option(
            "files_without",
            _("Files without a match"),
            FilesWithout.ALL,
            FilesWithout,
            "files without a match that get a row",
        ),
    )
}

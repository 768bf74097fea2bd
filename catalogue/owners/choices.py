"""Rights, kinds of shares, roles of parties, kinds of titles, kinds of conflicts.

The codes of rights and roles are those of CISAC's CWR; DDEX has no shorter ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Right(models.TextChoices):
    """The right that a share is in. Works have the first three, recordings the last."""

    PERFORMING = "PR", _("Performing right")
    MECHANICAL = "MR", _("Mechanical right")
    SYNCHRONISATION = "SR", _("Synchronisation right")
    MASTER = "NR", _("Master right")


class ShareKind(models.TextChoices):
    """Whether a party owns a share, or collects it."""

    OWNERSHIP = "OWN", _("Ownership")
    COLLECTION = "COL", _("Collection")


class TitleKind(models.TextChoices):
    """What a title is; the codes of CWR. The title of a work itself is not listed."""

    ORIGINAL = "OT", _("Original title")
    ALTERNATIVE = "AT", _("Alternative title")
    FIRST_LINE = "TE", _("First line of the text")
    FORMAL = "FT", _("Formal title")
    INCORRECT = "IT", _("Incorrect title")
    TRANSLATED = "TT", _("Translated title")
    PART = "PT", _("Title of a part")
    RESTRICTED = "RT", _("Restricted title")
    EXTRA = "ET", _("Extra search title")
    ORIGINAL_SCRIPT = "OL", _("Original title in national characters")
    ALTERNATIVE_SCRIPT = "AL", _("Alternative title in national characters")


WRITER_ROLES: Final[Mapping[str, str | Promise]] = {
    "CA": _("Composer and author"),
    "C": _("Composer"),
    "A": _("Author"),
    "AR": _("Arranger"),
    "AD": _("Adaptor"),
    "TR": _("Translator"),
    "SR": _("Sub-arranger"),
    "SA": _("Sub-author"),
    "PA": _("Participant in income"),
}
PUBLISHER_ROLES: Final[Mapping[str, str | Promise]] = {
    "E": _("Publisher"),
    "AM": _("Administrator"),
    "SE": _("Sub-publisher"),
    "ES": _("Substituted publisher"),
    "AQ": _("Acquirer"),
}
RECORDING_ROLES: Final[Mapping[str, str | Promise]] = {
    "RightsController": _("Rights controller"),
    "Licensor": _("Licensor"),
    "Licensee": _("Licensee"),
    "Label": _("Label"),
    "Producer": _("Producer"),
    "Performer": _("Performer"),
}
ROLES: Final[Mapping[str, str | Promise]] = {**WRITER_ROLES, **PUBLISHER_ROLES, **RECORDING_ROLES}
"""Known roles. Imports may name others, which pages show as they are."""


class StatedField(models.TextChoices):
    """What a source says of a record, beside shares."""

    TITLE = "TITLE", _("Title")
    DURATION = "DURATION", _("Duration")
    ISWC = "ISWC", "ISWC"
    UPC = "UPC", "UPC"


class ConflictKind(models.TextChoices):
    """What contradicts."""

    OVER = "OVER", _("More than 100 %")
    OVERLAP = "OVERLAP", _("Sources disagree about shares")
    WRITERS = "WRITERS", _("Same ISWC, other writers")
    ISWC = "ISWC", _("Several ISWCs")
    UPC = "UPC", _("Several UPCs")
    TITLE = "TITLE", _("One ISRC, several titles")
    DURATION = "DURATION", _("One ISRC, several durations")
    LAPSED = "LAPSED", _("Agreement has ended")


class ConflictState(models.TextChoices):
    """Where a conflict stands."""

    OPEN = "OPEN", pgettext_lazy("state", "Open")
    SETTLED = "SETTLED", _("Settled")
    GONE = "GONE", _("No longer there")

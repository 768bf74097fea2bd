"""States, fields and reasons of enrichment."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SourceState(models.TextChoices):
    """How far a source is."""

    WAITING = "waiting", _("Waiting")
    READING = "reading", _("Being read")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class FillField(models.TextChoices):
    """A field that suggestions fill; the names of the recording's attributes."""

    ISRC = "isrc", "ISRC"
    ISWC = "iswc", "ISWC"
    LABEL = "label", _("Label")
    UPC = "upc", "UPC"
    RELEASE_DATE = "release_date", _("Release date")
    ARTIST_IDS = "artist_ids", _("Artist ids")


class SuggestionState(models.TextChoices):
    """What became of a suggestion."""

    OPEN = "open", pgettext_lazy("state", "Open")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    REPLACED = "replaced", _("No longer suggested")


class HoldReason(models.TextChoices):
    """Why a suggestion is decided one by one; empty if it need not be."""

    WEAK = "weak", _("Length unknown, or similar recordings there")
    DIFFERS = "differs", _("Other artists there, or another concert")
    SEVERAL_THERE = "several_there", _("Several recordings there have this code")
    SEVERAL_CODES = "several_codes", _("Several values there")
    TAKEN_HERE = "taken_here", _("Another recording of ours has this ISRC")
    SHORT = "short", _("Shorter than 30 seconds")
    UNTITLED = "untitled", _("The title says little")
    NO_ARTIST = "no_artist", _("No artist, or various artists")
    PARTIAL = "partial", _("Part of a work, or a medley")
    DISAGREE = "disagree", _("Sources disagree")


# The order in which one reason is shown of several.
HOLD_ORDER = tuple(HoldReason)

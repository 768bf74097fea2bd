"""What platforms report of claims, and what the comparison finds."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Platform(models.TextChoices):
    """A platform whose reports can be imported."""

    YOUTUBE = "youtube", _("YouTube")


class ReportKind(models.TextChoices):
    """A report of a platform."""

    CLAIMS = "claims", pgettext_lazy("platform", "Claims")
    ASSETS = "assets", _("Assets")
    REFERENCES = "references", _("Reference files")


class LinkedBy(models.TextChoices):
    """How an asset came to its recording, the most certain first."""

    NOTHING = "", _("Not linked")
    PERSON = "person", _("Linked by a person")
    CUSTOM_ID = "custom_id", _("Own id")
    YOUR_ISRC = "your_isrc", _("Your ISRC")
    DISPLAY_ISRC = "display_isrc", _("Displayed ISRC")
    CLAIM_ISRC = "claim_isrc", _("ISRC of its claims")
    AMBIGUOUS = "ambiguous", _("Several recordings fit")


class Meaning(models.TextChoices):
    """What a person says that a value of a report means."""

    UNEXPLAINED = "", _("Not explained yet")
    POTENTIAL = "potential", _("Potential claim")
    DISPUTED = "disputed", _("Disputed claim")
    APPEALED = "appealed", _("Appealed claim")
    CLOSED = "closed", _("Closed claim")
    OTHER = "other", _("Something else")


DAYS_TO_ANSWER = {Meaning.POTENTIAL: 30, Meaning.DISPUTED: 30, Meaning.APPEALED: 7}
"""Days after which such a claim expires unanswered (support.google.com 9948004)."""


class DiscrepancyKind(models.TextChoices):
    """The lists, in the order of their tabs."""

    NOT_CLAIMED = "not_claimed", _("Heard, not claimed")
    NOT_HEARD = "not_heard", _("Claimed, not heard")
    NOT_SCANNED = "not_scanned", _("Claimed, not scanned")
    BY_OTHERS = "by_others", _("Claimed by others")
    DISPUTE_DUE = "dispute_due", _("Dispute due")
    AGAINST_LICENCE = "against_licence", _("Policy against licence")
    NO_REFERENCE = "no_reference", _("Reference missing")


class DiscrepancyState(models.TextChoices):
    """Whether a difference still exists, and whether a person minds."""

    OPEN = "open", pgettext_lazy("state", "Open")
    DISMISSED = "dismissed", _("Dismissed")
    GONE = "gone", _("Gone")


class FileKind(models.TextChoices):
    """A file or work list for the platform."""

    MANUAL_CLAIMS = "manual_claims", _("Manual-claim list")
    SOUND_RECORDINGS = "sound_recordings", _("Sound recordings")
    RELEASES = "releases", _("Release list")
    REFERENCES = "references", _("Reference management")
    ALLOW_LIST = "allow_list", _("Allow list")
    ASSETS = "assets", _("Asset update")


class FileState(models.TextChoices):
    """What became of a file."""

    DRAFT = "draft", pgettext_lazy("state", "Draft")
    SENT = "sent", pgettext_lazy("state", "Sent")
    WITHDRAWN = "withdrawn", _("Withdrawn")

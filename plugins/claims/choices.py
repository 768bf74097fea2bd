"""What platforms report of claims, and what the comparison finds."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Platform(models.TextChoices):
    """A platform whose reports can be imported."""

    YOUTUBE = "youtube", "YouTube"
    META = "meta", "Meta"
    SOUNDCLOUD = "soundcloud", "SoundCloud"
    TIKTOK = "tiktok", "TikTok"


class ReportKind(models.TextChoices):
    """A report of a platform."""

    CLAIMS = "claims", pgettext_lazy("platform", "Claims")
    ASSETS = "assets", _("Assets")
    REFERENCES = "references", _("Reference files")
    CONFLICTS = "conflicts", _("Asset conflicts")
    VIDEOS = "videos", pgettext_lazy("platform", "Videos")


class ValueColumn(models.TextChoices):
    """A column of reports whose values a person explains."""

    STATUS_DETAIL = "claim_status_detail", _("Status detail of a claim")
    ANOTHER_OWNER = "claimed_by_another_owner", _("Claimed by another owner")


class LinkedBy(models.TextChoices):
    """How an asset came to its recording, the most certain first."""

    NOTHING = "", _("Not linked")
    PERSON = "person", _("Linked by a person")
    CUSTOM_ID = "custom_id", _("Own id")
    YOUR_ISRC = "your_isrc", _("Your ISRC")
    DISPLAY_ISRC = "display_isrc", _("Displayed ISRC")
    CLAIM_ISRC = "claim_isrc", _("ISRC of its claims")
    CLAIM_ISWC = "claim_iswc", _("ISWC of its claims")
    MERGED = "merged", _("Merged with a linked asset")
    AMBIGUOUS = "ambiguous", _("Several recordings fit")


class Meaning(models.TextChoices):
    """What a person says that a value of a report means."""

    UNEXPLAINED = "", _("Not explained yet")
    POTENTIAL = "potential", _("Potential claim")
    DISPUTED = "disputed", _("Disputed claim")
    APPEALED = "appealed", _("Appealed claim")
    CLOSED = "closed", _("Closed claim")
    BY_OTHERS = "by_others", _("Claimed by others")
    BY_NOBODY = "by_nobody", _("Not claimed by others")
    OTHER = "other", _("Something else")


MEANINGS: dict[ValueColumn, tuple[Meaning, ...]] = {
    ValueColumn.STATUS_DETAIL: (
        Meaning.UNEXPLAINED,
        Meaning.POTENTIAL,
        Meaning.DISPUTED,
        Meaning.APPEALED,
        Meaning.CLOSED,
        Meaning.OTHER,
    ),
    ValueColumn.ANOTHER_OWNER: (
        Meaning.UNEXPLAINED,
        Meaning.BY_OTHERS,
        Meaning.BY_NOBODY,
        Meaning.OTHER,
    ),
}
"""What the values of a column can mean."""


OWN_DETAILS = {"dispute": Meaning.DISPUTED, "appeal": Meaning.APPEALED}
"""The details of claims in the portal's own table, which nobody needs to explain."""
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
    ANSWERED = "answered", _("Answered")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class RowAnswer(models.TextChoices):
    """What the platform answered to a row of a file."""

    NONE = "", _("Not answered")
    SUCCESSFUL = "successful", _("Successful")
    WARNING = "warning", _("Warning")
    ERRORS = "errors", _("Refused")

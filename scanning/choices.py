"""Choices of the scanning models: engines, sources and statuses."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EngineChoice(models.TextChoices):
    """The engines that scan the files of a container."""

    EMBEDDED = "embedded", "Embedded engine"
    ACRCLOUD = "acrcloud", "ACRCloud"
    BOTH = "both", "Both"
    EMBEDDED_THEN_ACRCLOUD = (
        "embedded_then_acrcloud",
        "Embedded engine, then ACRCloud for files without a match",
    )


# One scan uses one engine; a container may combine two.
SCAN_ENGINES = [
    (engine.value, engine.label)
    for engine in (EngineChoice.EMBEDDED, EngineChoice.ACRCLOUD)
]
COMBINED_ENGINES = (EngineChoice.BOTH, EngineChoice.EMBEDDED_THEN_ACRCLOUD)


class AudioType(models.TextChoices):
    """How the audio of a container was captured; values are wire names."""

    LINE_IN = "linein", "Line-in: files and streams"
    RECORDED = "recorded", "Recorded with a microphone"


class SourceType(models.TextChoices):
    """How a file reached the portal."""

    FILE = "file", "File"
    LINK = "link", "Link"
    FINGERPRINT = "fingerprint", "Fingerprint"


class FileStatus(models.TextChoices):
    """The condition of a scanned file, as lists and the wire show it."""

    WAITING = "waiting", _("Waiting")
    PROCESSING = "processing", _("Scanning")
    READY = "ready", _("Ready")
    NO_MATCH = "no_match", _("No match")
    NEEDS_AUDIO = "needs_audio", _("Needs audio")
    ERROR = "error", _("Error")
    CANCELLED = "cancelled", _("Cancelled")


# After these link faults a person can attach the audio to continue.
NEEDS_AUDIO_CODES = frozenset(
    {
        "needs_audio",
        "link_gone",
        "link_private",
        "link_login",
        "link_geo_blocked",
        "link_rate_limited",
        "link_unsupported",
        "link_live",
    }
)
ACTIVE_FILE_STATUSES = (FileStatus.WAITING, FileStatus.PROCESSING)


class ScanStatus(models.TextChoices):
    """The stages of a scan's life."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    AWAITING_CALLBACK = "awaiting_callback", "Waiting for ACRCloud"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_SCAN_STATUSES = (
    ScanStatus.QUEUED,
    ScanStatus.RUNNING,
    ScanStatus.AWAITING_CALLBACK,
)
ENDED_SCAN_STATUSES = frozenset(ScanStatus) - frozenset(ACTIVE_SCAN_STATUSES)


class ScanStage(models.TextChoices):
    """The current step of a running scan, shown on the progress bar."""

    FETCHING = "fetching", "Fetching audio"
    FINGERPRINTING = "fingerprinting", "Fingerprinting"
    MATCHING = "matching", "Matching"
    SENDING = "sending", "Sending to ACRCloud"


class NoMatchReason(models.TextChoices):
    """Why a scan found no music; reports write ``no_match:`` before the value."""

    CLEAN_SCAN = "clean_scan", "Clean scan"
    BELOW_FLOOR = "below_floor", "Below floor"
    SILENCE = "silence", "Silence"
    SPEECH_ONLY = "speech_only", "Speech only"
    TOO_SHORT = "too_short", "Too short"
    PARTIAL_SCAN = "partial_scan", "Partly scanned"


class Section(models.TextChoices):
    """The section of an engine's answer that holds a detection; wire names."""

    CUSTOM_FILES = "custom_files", "Own catalogue"
    MUSIC = "music", "Music"
    COVER_SONGS = "cover_songs", "Cover songs"


class RetroStatus(models.TextChoices):
    """The status of a retro search."""

    COLLECTING = "collecting", "Collecting recordings"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class CallbackOutcome(models.TextChoices):
    """The outcome of a received callback."""

    QUEUED = "queued", "Queued"
    APPLIED = "applied", "Applied"
    UNCHANGED = "unchanged", "Unchanged"
    ORPHAN = "orphan", "Waiting for its file"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class DeliveryStatus(models.TextChoices):
    """The delivery status of an outgoing callback."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class DifferenceKind(models.TextChoices):
    """How two engines disagree on one file."""

    TIMES = "times", "Both found it, at different times"
    RIVAL = "rival", "The other engine found another recording there"
    ONLY_EMBEDDED = "only_embedded", "Only the embedded engine found it"
    ONLY_ACRCLOUD = "only_acrcloud", "Only ACRCloud found it"


class KeepAudio(models.TextChoices):
    """The audio that stays after a scan; the fingerprint always stays."""

    ORIGINAL = "original", "The original file"
    COPY = "copy", "Only a small copy for listening"
    NOTHING = "nothing", "No audio"


class WatchInterval(models.IntegerChoices):
    """Hours between two checks of a watched source."""

    HOUR = 1, "Every hour"
    THREE_HOURS = 3, "Every 3 hours"
    SIX_HOURS = 6, "Every 6 hours"
    TWELVE_HOURS = 12, "Every 12 hours"
    DAY = 24, "Every day"
    WEEK = 168, "Every week"


class WatchItemState(models.TextChoices):
    """The outcome for one item of a watched source."""

    PRESENT = "present", "Listed before the watch began"
    WAITING = "waiting", "Waiting for the next check"
    SCANNED = "scanned", "Submitted"
    SEEN = "seen", "Already submitted"
    FILTERED = "filtered", "Title does not match"
    REFUSED = "refused", "Refused"


class SourceGone(models.TextChoices):
    """Why a file's source counts as gone; link codes equal those of ``LinkFault``."""

    UNLISTED = "unlisted", "The watched source no longer lists it"
    GONE = "link_gone", "Its link no longer works"
    PRIVATE = "link_private", "Its link is now private"

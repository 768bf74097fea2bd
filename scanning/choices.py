"""Choices of the scanning models: engines, sources and statuses."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EngineChoice(models.TextChoices):
    """The engines that scan the files of a container."""

    EMBEDDED = "embedded", _("Embedded engine")
    ACRCLOUD = "acrcloud", "ACRCloud"
    BOTH = "both", _("Both")
    EMBEDDED_THEN_ACRCLOUD = (
        "embedded_then_acrcloud",
        _("Embedded engine, then ACRCloud for files without a match"),
    )


# One scan uses one engine; a container may combine two.
SCAN_ENGINES = [
    (engine.value, engine.label) for engine in (EngineChoice.EMBEDDED, EngineChoice.ACRCLOUD)
]
COMBINED_ENGINES = (EngineChoice.BOTH, EngineChoice.EMBEDDED_THEN_ACRCLOUD)


class AudioType(models.TextChoices):
    """How the audio of a container was captured; values are wire names."""

    LINE_IN = "linein", _("Line-in: files and streams")
    RECORDED = "recorded", _("Recorded with a microphone")


class EditedMusic(models.TextChoices):
    """How far a search goes for music that is sped up, slowed or pitched."""

    WIDELY = "widely", _("Search widely")
    NORMALLY = "normally", _("Search normally")


class SourceType(models.TextChoices):
    """How a file reached the portal."""

    FILE = "file", _("File")
    LINK = "link", _("Link")
    FINGERPRINT = "fingerprint", _("Fingerprint")
    STREAM = "stream", _("Stream")


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
# After these, the same link or the same bytes cannot succeed: only other audio can.
HOPELESS_CODES = frozenset(
    {
        *("link_refused", "link_gone", "link_unsupported", "link_live"),
        *("file_too_large", "not_audio", "too_short", "audio_removed"),
    }
)
ACTIVE_FILE_STATUSES = (FileStatus.WAITING, FileStatus.PROCESSING)


class ScanStatus(models.TextChoices):
    """The stages of a scan's life."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    AWAITING_CALLBACK = "awaiting_callback", _("Waiting for ACRCloud")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE_SCAN_STATUSES = (ScanStatus.QUEUED, ScanStatus.RUNNING, ScanStatus.AWAITING_CALLBACK)
ENDED_SCAN_STATUSES = frozenset(ScanStatus) - frozenset(ACTIVE_SCAN_STATUSES)


class ScanStage(models.TextChoices):
    """The current step of a running scan, shown on the progress bar."""

    FETCHING = "fetching", _("Fetching audio")
    FINGERPRINTING = "fingerprinting", _("Fingerprinting")
    MATCHING = "matching", _("Matching")
    SENDING = "sending", _("Sending to ACRCloud")


class NoMatchReason(models.TextChoices):
    """Why a scan found no music; reports write ``no_match:`` before the value."""

    CLEAN_SCAN = "clean_scan", _("None of our recordings")
    NO_BUCKET = "no_bucket", _("No bucket searched")
    BELOW_FLOOR = "below_floor", _("Below floor")
    SILENCE = "silence", _("Silence")
    SPEECH_ONLY = "speech_only", _("Speech only")
    TOO_SHORT = "too_short", _("Too short")
    PARTIAL_SCAN = "partial_scan", _("Partly scanned")


class Section(models.TextChoices):
    """The section of an engine's answer that holds a detection; wire names."""

    CUSTOM_FILES = "custom_files", _("Own catalogue")
    MUSIC = "music", "Music"
    COVER_SONGS = "cover_songs", _("Cover songs")


class RetroStatus(models.TextChoices):
    """The status of a retro search."""

    COLLECTING = "collecting", _("Collecting recordings")
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class CallbackOutcome(models.TextChoices):
    """The outcome of a received callback."""

    QUEUED = "queued", _("Queued")
    APPLIED = "applied", _("Applied")
    UNCHANGED = "unchanged", _("Unchanged")
    ORPHAN = "orphan", _("Waiting for its file")
    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")


class DeliveryStatus(models.TextChoices):
    """The delivery status of an outgoing callback."""

    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


class DifferenceKind(models.TextChoices):
    """How two engines disagree on one file."""

    TIMES = "times", _("Both found it, at different times")
    RIVAL = "rival", _("The other engine found another recording there")
    ONLY_EMBEDDED = "only_embedded", _("Only the embedded engine found it")
    ONLY_ACRCLOUD = "only_acrcloud", _("Only ACRCloud found it")


class KeepAudio(models.TextChoices):
    """The audio that stays after a scan; the fingerprint always stays."""

    ORIGINAL = "original", _("The original file")
    COPY = "copy", _("Only a small copy for listening")
    NOTHING = "nothing", _("No audio")


class WatchInterval(models.IntegerChoices):
    """Hours between two checks of a watched source."""

    HOUR = 1, _("Every hour")
    THREE_HOURS = 3, _("Every 3 hours")
    SIX_HOURS = 6, _("Every 6 hours")
    TWELVE_HOURS = 12, _("Every 12 hours")
    DAY = 24, _("Every day")
    WEEK = 168, _("Every week")


class WatchItemState(models.TextChoices):
    """The outcome for one item of a watched source."""

    PRESENT = "present", _("Listed before the watch began")
    WAITING = "waiting", _("Waiting for the next check")
    SCANNED = "scanned", _("Submitted")
    SEEN = "seen", _("Already submitted")
    FILTERED = "filtered", _("Title does not match")
    REFUSED = "refused", _("Refused")


class DropInterval(models.IntegerChoices):
    """Seconds between two polls of a drop."""

    QUARTER_MINUTE = 15, _("Every 15 seconds")
    MINUTE = 60, _("Every minute")
    FIVE_MINUTES = 300, _("Every 5 minutes")
    QUARTER_HOUR = 900, _("Every 15 minutes")
    HOUR = 3600, _("Every hour")


class DropAfterwards(models.TextChoices):
    """What becomes of a file in a drop once it was taken or has failed."""

    MOVE = "drop_move", _("Move it to done or failed")
    TAG = "drop_tag", _("Tag it as done or failed (S3 only)")
    LEAVE = "drop_leave", _("Leave it where it is")


class DropItemState(models.TextChoices):
    """The outcome for one file in a drop."""

    WAITING = "drop_waiting", _("Waiting")
    TAKEN = "drop_taken", _("Taken")
    KNOWN = "drop_known", _("Known already")
    FAILED = "drop_failed", _("Failed")


class SourceGone(models.TextChoices):
    """Why a file's source counts as gone; link codes equal those of ``LinkFault``."""

    UNLISTED = "unlisted", _("The watched source no longer lists it")
    GONE = "link_gone", _("Its link no longer works")
    PRIVATE = "link_private", _("Its link is now private")

"""What the columns of this package may hold: engines, sources, every status."""

from __future__ import annotations

from django.db import models


class EngineChoice(models.TextChoices):
    """Who recognises the files of a container."""

    EMBEDDED = "embedded", "Embedded engine"
    ACRCLOUD = "acrcloud", "ACRCloud"
    BOTH = "both", "Both"
    EMBEDDED_THEN_ACRCLOUD = (
        "embedded_then_acrcloud",
        "Embedded engine, then ACRCloud for files without a match",
    )


# What one scan is run by; a container may name two of them.
SCAN_ENGINES = [
    (engine.value, engine.label)
    for engine in (EngineChoice.EMBEDDED, EngineChoice.ACRCLOUD)
]
COMBINED_ENGINES = (EngineChoice.BOTH, EngineChoice.EMBEDDED_THEN_ACRCLOUD)


class AudioType(models.TextChoices):
    """How the audio of a container was captured; a wire name."""

    LINE_IN = "linein", "Line-in: files and streams"
    RECORDED = "recorded", "Recorded with a microphone"


class SourceType(models.TextChoices):
    """Where a scanned file came from."""

    FILE = "file", "File"
    LINK = "link", "Link"
    FINGERPRINT = "fingerprint", "Fingerprint"


class FileStatus(models.TextChoices):
    """What is true of a scanned file."""

    WAITING = "waiting", "Waiting"
    PROCESSING = "processing", "Scanning"
    READY = "ready", "Ready"
    NO_MATCH = "no_match", "No match"
    NEEDS_AUDIO = "needs_audio", "Needs audio"
    ERROR = "error", "Error"
    CANCELLED = "cancelled", "Cancelled"


# Faults after which a person can go on by attaching the audio.
NEEDS_AUDIO_CODES = frozenset(
    {
        *("needs_audio", "link_gone", "link_private", "link_login"),
        *("link_geo_blocked", "link_rate_limited", "link_unsupported"),
    }
)
ACTIVE_FILE_STATUSES = (FileStatus.WAITING, FileStatus.PROCESSING)


class ScanStatus(models.TextChoices):
    """Where one scan is in its life."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_SCAN_STATUSES = (ScanStatus.QUEUED, ScanStatus.RUNNING)


class ScanStage(models.TextChoices):
    """What a running scan is doing."""

    QUEUED = "queued", "Queued"
    FETCHING = "fetching", "Fetching audio"
    FINGERPRINTING = "fingerprinting", "Fingerprinting"
    MATCHING = "matching", "Matching"
    SENDING = "sending", "Sending to ACRCloud"
    AWAITING_CALLBACK = "awaiting_callback", "Waiting for ACRCloud"
    PAUSED = "paused", "Failed; waits to be tried again"
    DONE = "done", "Done"


class Section(models.TextChoices):
    """The part of an engine's answer that a detection came from; wire names."""

    CUSTOM_FILES = "custom_files", "Own catalogue"
    MUSIC = "music", "Music"
    COVER_SONGS = "cover_songs", "Cover songs"


class RetroStatus(models.TextChoices):
    """How far a search for new recordings in earlier files is."""

    COLLECTING = "collecting", "Waits for more recordings"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class CallbackOutcome(models.TextChoices):
    """What became of a callback that came in."""

    QUEUED = "queued", "Queued"
    APPLIED = "applied", "Applied"
    UNCHANGED = "unchanged", "Nothing new"
    ORPHAN = "orphan", "Waiting for its file"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Given up"


class DeliveryStatus(models.TextChoices):
    """Where an outgoing callback is."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"


class DifferenceKind(models.TextChoices):
    """How two engines differ on one file."""

    TIMES = "times", "Both found it, at other times"
    RIVAL = "rival", "The other engine hears another recording there"
    ONLY_EMBEDDED = "only_embedded", "Only the embedded engine found it"
    ONLY_ACRCLOUD = "only_acrcloud", "Only ACRCloud found it"


class KeepAudio(models.TextChoices):
    """What is kept of a file's sound once it is scanned; landmarks always are."""

    ORIGINAL = "original", "The file itself"
    COPY = "copy", "Only a small copy to listen to"
    NOTHING = "nothing", "Nothing that can be heard"


class WatchInterval(models.IntegerChoices):
    """How often a watched source is looked at, in hours."""

    HOUR = 1, "Every hour"
    THREE_HOURS = 3, "Every 3 hours"
    SIX_HOURS = 6, "Every 6 hours"
    TWELVE_HOURS = 12, "Every 12 hours"
    DAY = 24, "Every day"
    WEEK = 168, "Every week"


class WatchItemState(models.TextChoices):
    """What became of an item of a watched source."""

    PRESENT = "present", "There before the watch"
    WAITING = "waiting", "Waits for the next check"
    SCANNED = "scanned", "Submitted"
    SEEN = "seen", "Submitted before"
    FILTERED = "filtered", "Title does not fit"
    REFUSED = "refused", "Refused"


class SourceGone(models.TextChoices):
    """Why the source of a file is taken for gone; link codes as in ``LinkFault``."""

    UNLISTED = "unlisted", "The watched source does not list it any more"
    GONE = "link_gone", "Its link leads to nothing any more"
    PRIVATE = "link_private", "Its link became private"

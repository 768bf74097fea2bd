"""Scanned files: uploads, links and fingerprints in containers."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, PresentManager
from base.common.storage import StoredFile
from base.common.zones import office_day
from recognition.audio.analysis import tracks_from
from recognition.types import SoundTrack
from scanning.choices import HOPELESS_CODES, EngineChoice, FileStatus, SourceGone, SourceType
from scanning.models.container import Container

# The fields that ``take_audio`` sets, for ``update_fields``.
AUDIO_FIELDS = ("media", "sha256", "size_bytes", "audio_at", "audio_removed_at", "updated_at")


class ScannedFile(models.Model):
    """One uploaded file, fingerprint or submitted link in a container.

    ``name`` is for display only and never part of a path; ``uid`` names the stored
    bytes.
    """

    DETAILS = (
        *("source_url", "programme", "account", "platform", "external_id"),
        *("published_at", "tags"),
    )
    """The columns that people and programs state, when they submit it or later.

    The address of a link is the link itself, and nobody changes it.
    """

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="files", limit_choices_to=PRESENT
    )
    name = models.CharField(max_length=500)
    source_type = models.CharField(
        max_length=16, choices=SourceType.choices, default=SourceType.FILE
    )
    source_url = models.URLField(max_length=2000, blank=True, default="")
    platform = models.CharField(max_length=60, blank=True, default="")
    account = models.CharField(max_length=300, blank=True, default="")
    external_id = models.CharField(_("Id at the platform"), max_length=200, blank=True, default="")
    platform_facts = models.JSONField(default=dict, blank=True)
    link_key = models.CharField(max_length=64, blank=True, default="", editable=False)
    programme = models.CharField(max_length=300, blank=True, default="")
    published_at = models.DateTimeField(_("Published"), null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    aired = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text=_("When and where stations broadcast it; see scanning.uses."),
    )

    media = models.FileField(max_length=200, blank=True, default="")
    audio_at = models.DateTimeField(null=True, blank=True)
    audio_removed_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    length_ms = models.BigIntegerField(
        default=0, help_text=_("With the time that could not be decoded; 0 if unknown.")
    )
    undecoded_ms = models.BigIntegerField(
        default=0, help_text=_("The announced time at its end that could not be decoded.")
    )
    facts = models.JSONField(default=dict, blank=True)
    fingerprint = models.FileField(max_length=200, blank=True, default="")
    waveform = models.FileField(max_length=200, blank=True, default="")
    proxy = models.FileField("rendition", max_length=200, blank=True, default="")

    status = models.CharField(max_length=16, choices=FileStatus.choices, default=FileStatus.WAITING)
    no_match_expected = models.BooleanField(
        default=False, help_text=_("A reviewer marked that no match is expected in this file.")
    )
    error_code = models.CharField(max_length=40, blank=True, default="")
    message = models.CharField(max_length=1000, blank=True, default="")
    remote_id = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text=_("The id under which ACRCloud knows this file."),
    )
    source_gone_at = models.DateTimeField(null=True, blank=True)
    source_gone_why = models.CharField(
        max_length=16, choices=SourceGone.choices, blank=True, default=""
    )
    uploaded_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="container")
    objects = PresentManager["ScannedFile"]()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    length_ms__gte=models.F("undecoded_ms"), undecoded_ms__gte=0, size_bytes__gte=0
                ),
                name="scanned_file_sizes_not_negative",
            ),
            models.UniqueConstraint(
                fields=["remote_id"],
                # The id of a deleted file may come again, as in a repeated move.
                condition=~models.Q(remote_id="") & models.Q(deleted_at__isnull=True),
                name="scanned_file_remote_id_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="file_newest"),
            models.Index(fields=["container", "status", "-created_at"], name="file_in_container"),
            models.Index(fields=["status", "-created_at"], name="file_status"),
            # The wire lists by key, not by time.
            models.Index(
                fields=["container", "status", "-id"],
                condition=models.Q(deleted_at__isnull=True),
                name="file_container_status",
            ),
            models.Index(
                fields=["-created_at", "-id"],
                condition=models.Q(status="no_match", deleted_at__isnull=True),
                name="file_no_match",
            ),
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="file_deleted",
            ),
            models.Index(fields=["sha256"], name="file_sha256"),
            models.Index(fields=["name"], name="file_name"),
            models.Index(
                fields=["link_key"], condition=~models.Q(link_key=""), name="file_link_key"
            ),
            # Retention looks for stored audio, oldest first.
            models.Index(
                fields=["container", "audio_at"],
                condition=~models.Q(media=""),
                name="file_has_media",
            ),
            models.Index(
                fields=["container", "audio_at"],
                condition=~models.Q(proxy=""),
                name="file_has_proxy",
            ),
            # Covers count, size and paging of a container's list without table reads.
            models.Index(
                fields=["container", "-id", "size_bytes"],
                condition=models.Q(deleted_at__isnull=True),
                name="file_container_live",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def published_on(self) -> date | None:
        """Return the day of publication, by which licences count; None if unknown."""
        return office_day(self.published_at) if self.published_at else None

    @property
    def may_get_address(self) -> bool:
        """Tell whether people state where on the web the file is, because it came as bytes."""
        return self.source_type in (SourceType.FILE, SourceType.FINGERPRINT)

    @property
    def views(self) -> int:
        """Return the view count that the source's platform reported; 0 if none."""
        return int(self.platform_facts.get("view_count") or 0)

    @property
    def engine(self) -> EngineChoice:
        """What scans the file: its container's engines.

        Hours of streams are landmarks, perhaps with the sound around their matches:
        nothing that ACRCloud could scan.
        """
        if self.source_type == SourceType.STREAM:
            return EngineChoice.EMBEDDED
        return EngineChoice(self.container.engine)

    @property
    def needs_other_audio(self) -> bool:
        """Tell whether scanning the file again as it is cannot help."""
        return self.error_code in HOPELESS_CODES or self.lacks_sound

    @property
    def lacks_sound(self) -> bool:
        """Tell whether the file's results were moved in without its sound."""
        return (
            self.source_type == SourceType.FILE
            and not (self.sha256 or self.fingerprint)
            and self.engine != EngineChoice.ACRCLOUD
        )

    @property
    def decoded_ms(self) -> int:
        """Return the length without the end that could not be decoded."""
        return self.length_ms - self.undecoded_ms

    def contains(self, start_ms: int, end_ms: int) -> bool:
        """Return whether an interval lies in the file, as far as its length is known."""
        return 0 <= start_ms < end_ms <= (self.length_ms or end_ms)

    def lengthen_to(self, end_ms: int) -> None:
        """Lengthen the file to the end of what is heard in it, if its length is known.

        Ends are inexact, another engine may decode more, and a play goes on beyond the
        hour of a stream.
        """
        if not self.length_ms or end_ms <= self.decoded_ms:
            return
        self.length_ms = max(self.length_ms, end_ms)
        self.undecoded_ms = self.length_ms - end_ms
        ScannedFile.objects.filter(pk=self.pk).update(
            length_ms=self.length_ms, undecoded_ms=self.undecoded_ms
        )

    @property
    def damage(self) -> list[str]:
        """Return a warning for each interval that could not be decoded."""
        return list(self.facts.get("warnings", []))

    @property
    def tracks(self) -> list[SoundTrack]:
        """Return the sound tracks; empty if there is only one."""
        return list(tracks_from(self.facts.get("tracks", [])))

    def take_audio(self, stored: StoredFile) -> None:
        """Use stored bytes as the file's audio; the caller saves ``AUDIO_FIELDS``."""
        self.media = stored.name
        self.sha256 = stored.sha256
        self.size_bytes = stored.size_bytes
        self.audio_at = datetime.now(tz=UTC)
        self.audio_removed_at = None

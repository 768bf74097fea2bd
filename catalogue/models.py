"""Buckets and the reference recordings in them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from functools import partial

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedManager
from base.accounts.reach import PRESENT, Path, PresentManager, ReachManager, working_for
from base.common.reading import read_interval, read_release
from base.common.uid import new_uid, uid_field

# The id that ACRCloud's API gives to its own music catalogue.
ACRCLOUD_MUSIC_BUCKET_ID = 23


class BucketType(models.TextChoices):
    """The purpose of a bucket."""

    FILE = "File", _("Recordings")
    DEDUP_FILE = "DedupFile", _("Recordings, kept free of duplicates")


class IntakeRule(models.TextChoices):
    """What happens when a new recording is already in the bucket."""

    REJECT = "reject", _("Reject the new recording")
    ASK = "ask", _("Ask a person")
    ADD_AS_VERSION = "add_as_version", _("Add it as a version")
    IGNORE = "ignore", _("Add it anyway")


class Bucket(models.Model):
    """A set of recordings that is searched together.

    ``net_type`` and ``metadata_template`` have no effect; they are stored for API
    clients that set them.
    """

    name = models.CharField(max_length=200)
    bucket_type = models.CharField(
        max_length=16, choices=BucketType.choices, default=BucketType.FILE
    )
    intake_rule = models.CharField(
        max_length=16, choices=IntakeRule.choices, default=IntakeRule.ASK
    )
    search_earlier = models.BooleanField(
        default=False,
        verbose_name=_("search earlier files"),
        help_text=_("Also search earlier files for new recordings."),
    )
    intake_versions = models.BooleanField(
        _("versions count as duplicates"),
        default=False,
        help_text=_("Treat another version of a recording as already in the bucket."),
    )
    region = models.CharField(max_length=32, blank=True, default="eu-west-1")
    labels = models.JSONField(default=list, blank=True)
    net_type = models.PositiveSmallIntegerField(default=1)
    metadata_template = models.TextField(blank=True, default="")
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    reach = Path(buckets="pk")
    objects = PresentManager["Bucket"]()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(deleted_at__isnull=True),
                name="bucket_name_unique",
                violation_error_message=_("There is a bucket with this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check names against all buckets, including those that the person may not see."""
        with working_for(None):
            super().validate_constraints(exclude=exclude)


class RecordingStatus(models.TextChoices):
    """The progress of a recording into the index."""

    WAITING = "waiting", _("Waiting")
    PROCESSING = "processing", _("Fingerprinting")
    READY = "ready", _("Searchable")
    ERROR = "error", _("Error")
    STUB = "stub", _("Metadata only")
    RETIRED = "retired", _("Retired")


class CodeStatus(models.TextChoices):
    """The result of checking an identifier."""

    VALID = "valid", _("Valid")
    CORRECTED = "corrected", _("Corrected")
    MALFORMED = "malformed", _("Malformed")
    MISSING = "missing", _("Missing")
    CONFLICT = "conflict", _("Conflict")


TITLE_COLUMNS = (*("title", "version_title", "family"), *("isrc", "release_date", "custom_id"))
"""What ``Recording.full_title`` reads."""


def new_acr_id() -> str:
    """Return an id in the form of the wire protocol: 32 hex digits."""
    return secrets.token_hex(16)


class Recording(Dated):
    """One reference recording: audio or fingerprint, metadata, identifiers.

    The primary key is the recording's number in the index, so it is never reused. A
    stub has no audio: it represents a recording that only a cloud engine knows. A
    merged recording is retired, and its ids lead to the recording in ``merged_into``.
    """

    DETAILS = (
        *("title", "version_title", "artists", "custom_id", "album", "label"),
        *("release_date", "isrc", "upc", "iswc", "writers", "publishers", "notes"),
    )
    """The columns that people state: forms, imports, merges and pages follow them."""

    uid = uid_field("r")
    acr_id = models.CharField(max_length=32, unique=True, default=new_acr_id, editable=False)
    bucket = models.ForeignKey(
        Bucket, on_delete=models.PROTECT, related_name="recordings", limit_choices_to=PRESENT
    )
    custom_id = models.CharField(_("Custom ID"), max_length=200, blank=True, default="")
    title = models.CharField(max_length=500)
    version_title = models.CharField(max_length=500, blank=True, default="")
    artists = models.JSONField(default=list, blank=True)
    album = models.CharField(max_length=500, blank=True, default="")
    label = models.CharField(max_length=300, blank=True, default="")
    release_date = models.CharField(
        max_length=10,
        blank=True,
        default="",
        validators=[
            RegexValidator(
                r"^\d{4}(-\d{2}(-\d{2})?)?$", _("Enter a date as 2016, 2016-06 or 2016-06-28.")
            )
        ],
        help_text=_("2016, 2016-06 or 2016-06-28"),
    )
    isrc = models.CharField("ISRC", max_length=40, blank=True, default="")
    isrc_normalised = models.CharField(_("normalised ISRC"), max_length=12, blank=True, default="")
    isrc_status = models.CharField(
        _("ISRC status"), max_length=16, choices=CodeStatus.choices, default=CodeStatus.MISSING
    )
    own_isrc = models.CharField(
        max_length=12,
        blank=True,
        default="",
        editable=False,
        help_text=_("Its ISRC before a merge chose that of another recording."),
    )
    upc = models.CharField(_("UPC or EAN"), max_length=14, blank=True, default="")
    iswc = models.CharField("ISWC", max_length=11, blank=True, default="")
    writers = models.JSONField(default=list, blank=True)
    publishers = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True, default="", max_length=4000)
    user_defined = models.JSONField(default=dict, blank=True)

    status = models.CharField(
        max_length=16, choices=RecordingStatus.choices, default=RecordingStatus.WAITING
    )
    status_message = models.CharField(max_length=500, blank=True, default="")
    audio = models.FileField(max_length=200, blank=True, default="")
    audio_name = models.CharField(max_length=500, blank=True, default="")
    source_url = models.URLField(
        max_length=2000,
        blank=True,
        default="",
        help_text=_("The worker fetches the audio from here if it was not uploaded."),
    )
    audio_sha256 = models.CharField(max_length=64, blank=True, default="")
    audio_bytes = models.BigIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0, validators=[MinValueValidator(0)])
    facts = models.JSONField(default=dict, blank=True)
    too_little_sound = models.BooleanField(
        default=False,
        editable=False,
        help_text=_("Scans cannot find it: it is silent, or has too few sounds to be told apart."),
    )
    fingerprint = models.FileField(max_length=200, blank=True, default="")
    waveform = models.FileField(max_length=200, blank=True, default="")
    proxy = models.FileField("rendition", max_length=200, blank=True, default="")
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="aliases",
    )
    same_sound_as = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text=_("The canonical recording of its group; empty for that recording itself."),
    )
    family = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text=_("The first of several versions of one recording, which it is of."),
    )
    computed_share_pct = models.DecimalField(
        _("our share in percent"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        editable=False,
        help_text=_("Computed from the shares of our parties."),
    )
    filled_names = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text=_("Writers and publishers that its works filled in, as they were then."),
    )
    added_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(buckets="bucket")
    objects = DatedManager["Recording"]()

    class Meta:
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "custom_id"],
                condition=~models.Q(custom_id="") & ~models.Q(status="retired"),
                name="recording_custom_id_unique_in_bucket",
            ),
            models.CheckConstraint(
                condition=models.Q(duration_ms__gte=0), name="recording_duration_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["bucket", "title"], name="recording_bucket_title"),
            models.Index(fields=["title", "id"], name="recording_title"),
            models.Index(fields=["updated_at"], name="recording_changed"),
            models.Index(fields=["bucket", "id", "status"], name="recording_bucket_id"),
            models.Index(fields=["bucket", "label"], name="recording_bucket_label"),
            models.Index(fields=["status", "bucket"], name="recording_status"),
            models.Index(
                fields=["bucket", "title"],
                condition=models.Q(too_little_sound=True),
                name="recording_too_little_sound",
            ),
            models.Index(fields=["isrc_normalised"], name="recording_isrc"),
            models.Index(
                fields=["own_isrc"], condition=~models.Q(own_isrc=""), name="recording_own_isrc"
            ),
            models.Index(fields=["iswc"], condition=~models.Q(iswc=""), name="recording_iswc"),
            models.Index(fields=["audio_sha256"], name="recording_sha256"),
            # SQLite cannot use the constraint's partial index for queries with parameters.
            models.Index(fields=["bucket", "custom_id"], name="recording_custom_id"),
        ]

    def __str__(self) -> str:
        title = self.full_title
        return f"{title} – {self.artist_names}" if self.artists else title

    @property
    def full_title(self) -> str:
        """Its title with its version; every page, report and message names it so."""
        return f"{self.title} ({self.version})" if self.version else self.title

    @property
    def version(self) -> str:
        """Its version title; else, among several versions, its ISRC, year or id."""
        if self.version_title or self.family_id is None:
            return self.version_title
        return self.isrc or self.release_date[:4] or self.custom_id

    @property
    def sound(self) -> int:
        """The key of the recording that represents its sound."""
        return self.same_sound_as_id or self.pk

    @property
    def stands_for_it(self) -> Recording:
        """The recording that this one was merged into, or itself."""
        recording = self
        # Merges may chain: the recording that stayed may have been merged later.
        while recording.merged_into is not None:
            recording = recording.merged_into
        return recording

    @property
    def is_given_up(self) -> bool:
        """Whether it was retired and nothing stands for it, so that no scan finds it."""
        return self.stands_for_it.status == RecordingStatus.RETIRED

    @property
    def lacks_sound(self) -> bool:
        """Whether it is in the index, but holds too little sound to be found."""
        return self.status == RecordingStatus.READY and self.too_little_sound

    @property
    def state_label(self) -> str:
        """Its status as pages show it."""
        return _now("Too little sound") if self.lacks_sound else self.get_status_display()

    def detail_text(self, name: str) -> str:
        """One of its ``DETAILS`` as a line of text."""
        value = getattr(self, name)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return read_release(value) if name == "release_date" else str(value)

    @property
    def artist_names(self) -> str:
        """All artists in one line."""
        return ", ".join(self.artists)

    @property
    def artist_ids(self) -> str:
        """The ids of its artists in one line, such as "1 ISNI 0000000081266409".

        Each follows the artist's place among ``artists``; ``catalogue.artist_ids`` reads
        them.
        """
        return ", ".join(str(identity) for identity in self.artist_identities.all())

    @property
    def owner_share_pct(self) -> Decimal | None:
        """Our share of the rights, 0 to 100; None if unknown.

        What somebody entered goes before what was computed.
        """
        entered = self.entered_share_pct
        return self.computed_share_pct if entered is None else entered

    @property
    def entered_share_pct(self) -> Decimal | None:
        """Our share that somebody entered, 0 to 100.

        ``user_defined`` is free-form JSON from API clients, so anything that is not such
        a number does not count.
        """
        try:
            share = Decimal(str(self.user_defined.get("owner_share_pct")))
        except InvalidOperation:
            return None
        if not share.is_finite() or not 0 <= share <= 100:
            return None
        return share.quantize(Decimal("0.01"))

    @property
    def territories(self) -> list[str]:
        """Where we hold the rights: ISO codes or WW; empty if unknown."""
        codes = self.user_defined.get("territories")
        return [str(code) for code in codes] if isinstance(codes, list) else []


class RecordingSpeech(models.Model):
    """Speech and music of a recording, half second by half second.

    A play of a place where the recording itself has speech is not under speech.
    ``halves`` are the bytes of ``recognition.speech_track``, empty if its audio could
    not be read. ``net`` is the number of the net that judged them.
    """

    recording = models.OneToOneField(
        Recording, on_delete=models.CASCADE, primary_key=True, related_name="speech"
    )
    net = models.PositiveSmallIntegerField()
    halves = models.BinaryField(default=b"", editable=False)

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["RecordingSpeech"]()

    class Meta:
        ordering = ["recording"]
        verbose_name_plural = "speech of recordings"

    def __str__(self) -> str:
        return str(self.recording)


class ArtistIdKind(models.TextChoices):
    """Who gave an artist an id: MusicBrainz, or the agency of ISO 27729."""

    MBID = "mbid", "MBID"
    ISNI = "isni", "ISNI"


class ArtistIdentity(models.Model):
    """An id of an artist of a recording; ``position`` is the artist's place, from 1."""

    recording = models.ForeignKey(
        Recording, on_delete=models.CASCADE, related_name="artist_identities"
    )
    position = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    kind = models.CharField(max_length=8, choices=ArtistIdKind.choices)
    value = models.CharField(max_length=36)

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["ArtistIdentity"]()

    class Meta:
        verbose_name = _("id of an artist")
        verbose_name_plural = _("ids of artists")
        ordering = ["position", "-kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "position", "kind"], name="artist_identity_once"
            )
        ]
        indexes = [models.Index(fields=["value"], name="artist_identity_value")]

    def __str__(self) -> str:
        return f"{self.position} {self.get_kind_display()} {self.value}"

    @property
    def artist(self) -> str:
        """The artist's name on the recording; "" if nobody stands at the place."""
        names = self.recording.artists
        return str(names[self.position - 1]) if self.position <= len(names) else ""


class IndexEntry(models.Model):
    """Whether the index holds a recording of a bucket, and when that last changed.

    All entries together are the catalogue's log of changes, without those that a later
    one replaced: each machine's copy of the index follows them (``following``).
    ``position`` counts changes in the order in which they were committed; it is empty
    until the change is counted (``index_log``).
    """

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="index_entries")
    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE, related_name="+")
    is_held = models.BooleanField()
    position = models.BigIntegerField(null=True, unique=True)

    class Meta:
        verbose_name_plural = "index entries"
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "bucket"], name="index_entry_one_per_bucket"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recording_id} in {self.bucket_id}: {self.is_held}"


class CatalogueState(models.Model):
    """The number of counted changes of the index, in one row.

    ``uid`` changes when a backup is restored: copies of the index that followed the
    catalogue before are of no use then.
    """

    uid = models.CharField(max_length=32, default=partial(new_uid, "c"))
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.uid}: {self.position}"


class IndexCopy(models.Model):
    """What a machine last reported of its copy of the index.

    ``complete_at`` is when the copy last held everything. ``stage`` says what keeps it
    from that, if anything does.
    """

    host = models.CharField(max_length=255)
    folder = models.CharField(max_length=1000)
    position = models.BigIntegerField(default=0)
    complete_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    stage = models.CharField(max_length=300, blank=True, default="")
    partition = models.PositiveSmallIntegerField(default=1)
    partitions = models.PositiveSmallIntegerField(default=1)
    # Postings by bucket, from which machines with other partitions learn the size of
    # the catalogue; none with one partition.
    postings = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "index copies"
        ordering = ["host", "folder"]
        constraints = [
            models.UniqueConstraint(fields=["host", "folder"], name="index_copy_one_per_folder")
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.folder}"


class ExclusionReason(models.TextChoices):
    """Why an interval of a recording does not show who owns it."""

    SHARED_LOOP = "shared_loop", _("Shared loop or sample")
    PUBLIC_DOMAIN = "public_domain", _("Public domain")
    SPOKEN = "spoken", _("Speech")
    IDENT = "ident", _("Ident or jingle")
    SILENCE = "silence", _("Silence or noise")
    OTHER = "other", _("Other")


class Exclusion(Dated):
    """An interval of a recording that must not produce matches.

    A proposal has no effect until a manager approves it. A removed exclusion stays for
    the history.
    """

    uid = uid_field("x")
    recording = models.ForeignKey(
        Recording, on_delete=models.PROTECT, related_name="excluded_segments"
    )
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    reason = models.CharField(max_length=20, choices=ExclusionReason.choices)
    note = models.CharField(max_length=1000, blank=True, default="")
    approved = models.BooleanField(default=False)
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    reach = Path(buckets="recording__bucket")
    objects = DatedManager["Exclusion"]()

    class Meta:
        # The name of the table from before the model was renamed.
        db_table = "catalogue_excludedsegment"
        ordering = ["start_ms", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(start_ms__gte=0, end_ms__gt=models.F("start_ms")),
                name="excluded_segment_ordered",
            )
        ]

    def __str__(self) -> str:
        interval = read_interval(self.start_ms, self.end_ms, digits=1)
        return f"{self.recording}, {interval}"

    @property
    def length_ms(self) -> int:
        """The length of the interval in milliseconds."""
        return self.end_ms - self.start_ms

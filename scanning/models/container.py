"""Containers: scanning settings and the files scanned with them."""

from __future__ import annotations

import base64
import secrets
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, PresentManager, working_for
from base.common.secret_text import seal, unseal
from catalogue.models import Bucket
from scanning.choices import COMBINED_ENGINES, AudioType, EditedMusic, EngineChoice, KeepAudio
from scanning.models.cloud_account import CloudAccount, new_callback_secret


def new_signing_secret() -> str:
    """Return a sealed key for signing callbacks, in Standard Webhooks format."""
    return seal(f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}")


def whole_file_policy() -> dict[str, object]:
    """Return the policy that scans the whole file."""
    return {"type": "traverse", "interval": 0, "rec_length": 10}


class Container(models.Model):
    """Settings for scanning files: buckets, engine, policy and callback address.

    Ids are never reused, because clients of the wire protocol store them.
    ``wire_engine``, the flags and ``policy`` are returned as API clients set them;
    ``scanning.engines.embedded`` decides which of them take effect.
    """

    SETTINGS = (
        *("name", "buckets", "engine", "audio_type", "edited_music", "score_floor"),
        *("upload_audio", "link_audio", "audio_days"),
        *("territory", "hide_rejected", "callback_url"),
    )
    """The columns that people set: the page, the admin and the audit trail follow them."""

    name = models.CharField(max_length=200)
    engine = models.CharField(
        max_length=32, choices=EngineChoice.choices, default=EngineChoice.EMBEDDED
    )
    buckets = models.ManyToManyField(
        Bucket, blank=True, related_name="containers", limit_choices_to=PRESENT
    )
    audio_type = models.CharField(
        max_length=16, choices=AudioType.choices, default=AudioType.LINE_IN
    )
    edited_music = models.CharField(
        max_length=16,
        choices=EditedMusic.choices,
        default=EditedMusic.WIDELY,
        help_text=_(
            "Widely: 0.7 to 1.45 times as fast, ±6 semitones. Normally, which is "
            "faster: tempo ±10 %, ±2 semitones."
        ),
    )
    policy = models.JSONField(default=whole_file_policy, blank=True)
    score_floor = models.DecimalField(
        max_digits=4,
        decimal_places=1,
        default=Decimal("50.0"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Matches below this score are kept but suppressed."),
    )
    # Returned to API clients; the portal itself has no regions.
    region = models.CharField(max_length=32, blank=True, default="eu-west-1")
    wire_engine = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("1 fingerprint, 2 cover songs, 3 both, 4 speech to text, 5 AI music."),
    )
    deepright = models.BooleanField(default=False)
    music_detection = models.BooleanField(default=False)
    ai_detection = models.BooleanField(default=False)
    hide_rejected = models.BooleanField(
        _("hide rejected matches from API results"),
        default=False,
        help_text=_("Otherwise the API returns all matches, whatever the decision."),
    )
    territory = models.CharField(
        _("territory of the uses"),
        max_length=2,
        blank=True,
        default="",
        help_text=_("Such as GB. It counts for files that name none."),
    )
    callback_url = models.URLField(
        _("Callback address"),
        max_length=2000,
        blank=True,
        default="",
        help_text=_("Results are posted to this address when a scan ends."),
    )
    # Signing needs the key itself, so it is sealed and not hashed.
    signing_secret_sealed = models.TextField(default=new_signing_secret, editable=False)
    callback_secret_sealed = models.TextField(default=new_callback_secret, editable=False)
    cloud_account = models.ForeignKey(
        CloudAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="containers",
        help_text=_("Scans the files. Without one, the container waits for callbacks."),
    )
    cloud_container_id = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=_("The id of the container in that account.")
    )
    cloud_cap_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_("Maximum hours of audio sent per month. Leave empty for no limit."),
    )
    upload_audio = models.CharField(
        _("Keep uploaded audio"),
        max_length=16,
        choices=KeepAudio.choices,
        default=KeepAudio.ORIGINAL,
        help_text=_("After the scan. Times, waveforms and fingerprints are always kept."),
    )
    link_audio = models.CharField(
        _("Keep audio from links"),
        max_length=16,
        choices=KeepAudio.choices,
        default=KeepAudio.ORIGINAL,
        help_text=_("After the scan. A link can be fetched again as long as it exists."),
    )
    audio_days = models.PositiveIntegerField(
        _("days to keep audio"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Leave empty to use the portal's setting."),
    )
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Rows stay for the history of their files; lists leave them out.
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    reach = Path(containers="pk")
    objects = PresentManager["Container"]()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cloud_account", "cloud_container_id"],
                condition=models.Q(deleted_at__isnull=True),
                name="container_cloud_once",
                violation_error_message=_("Another container is already tied to this one."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def signing_secret(self) -> str:
        """The key that callbacks are signed with. Raises ``SecretUnreadable``."""
        return unseal(self.signing_secret_sealed)

    @property
    def callback_secret(self) -> str:
        """The unguessable part of the callback address. Raises ``SecretUnreadable``."""
        return unseal(self.callback_secret_sealed)

    @property
    def finds_nothing(self) -> bool:
        """Whether the embedded engine has no bucket to search for it."""
        with working_for(None):
            return self.engine != EngineChoice.ACRCLOUD and not self.buckets.present().exists()

    @property
    def takes_callbacks(self) -> bool:
        """Whether ACRCloud scans its files and may post results."""
        return self.engine != EngineChoice.EMBEDDED

    def clean(self) -> None:
        """Refuse combined engines without a container of a cloud account."""
        tied = self.cloud_account_id and self.cloud_container_id
        if self.engine in COMBINED_ENGINES and not tied:
            raise ValidationError(
                {
                    "engine": gettext(
                        "First connect this container to one of a cloud account: "
                        "open the account in the admin."
                    )
                }
            )

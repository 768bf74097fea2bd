"""The container: a named way of scanning."""

from __future__ import annotations

import base64
import secrets
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.reach import Path, ReachManager
from catalogue.models import Bucket
from scanning.choices import COMBINED_ENGINES, AudioType, EngineChoice, KeepAudio
from scanning.models.cloud_account import CloudAccount, new_callback_secret


def new_signing_secret() -> str:
    """Return a key for signing callbacks, in the form of the Standard Webhooks."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


def whole_file_policy() -> dict[str, object]:
    """Return the policy that scans every second of a file."""
    return {"type": "traverse", "interval": 0, "rec_length": 10}


class ContainerManager(ReachManager["Container"]):
    """Leaves out what was deleted; the row stays for the files' history."""

    def get_queryset(self) -> models.QuerySet[Container]:
        """Return the containers that are there."""
        return super().get_queryset().filter(deleted_at__isnull=True)


class Container(models.Model):
    """Which buckets are searched, by which engine, how, and who is told.

    Container ids are never reused: clients of the wire protocol keep them.
    ``wire_engine``, the flags and ``policy`` are kept as API clients set them and
    answered so; ``scanning.engines.embedded`` says what of it is done.
    """

    name = models.CharField(max_length=200)
    engine = models.CharField(
        max_length=32, choices=EngineChoice.choices, default=EngineChoice.EMBEDDED
    )
    buckets = models.ManyToManyField(Bucket, blank=True, related_name="containers")
    audio_type = models.CharField(
        max_length=16, choices=AudioType.choices, default=AudioType.LINE_IN
    )
    policy = models.JSONField(default=whole_file_policy, blank=True)
    score_floor = models.DecimalField(
        max_digits=4,
        decimal_places=1,
        default=Decimal("50.0"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Matches below this score are kept but suppressed.",
    )
    region = models.CharField(max_length=32, blank=True, default="eu-west-1")
    wire_engine = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text="1 fingerprint, 2 cover songs, 3 both, 4 speech to text, 5 AI music.",
    )
    deepright = models.BooleanField(default=False)
    music_detection = models.BooleanField(default=False)
    ai_detection = models.BooleanField(default=False)
    hide_rejected = models.BooleanField(
        "rejected matches left out of API results",
        default=False,
        help_text="Otherwise the API tells what was found, whatever is decided.",
    )
    callback_url = models.URLField(
        max_length=2000,
        blank=True,
        default="",
        help_text="Results are posted to this address when a scan has ended.",
    )
    signing_secret = models.CharField(
        max_length=64, default=new_signing_secret, editable=False
    )
    callback_secret = models.CharField(
        max_length=64, unique=True, default=new_callback_secret, editable=False
    )
    cloud_account = models.ForeignKey(
        CloudAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="containers",
        help_text="Files are sent here; without one, ACRCloud's callbacks are awaited.",
    )
    cloud_container_id = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="The number of the container in the account that scans the files.",
    )
    cloud_cap_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Hours of sound sent per month at most; empty: no limit.",
    )
    upload_audio = models.CharField(
        "kept of uploads",
        max_length=16,
        choices=KeepAudio.choices,
        default=KeepAudio.ORIGINAL,
        help_text="Once scanned. Times, waveforms and landmarks always stay.",
    )
    link_audio = models.CharField(
        "kept of links",
        max_length=16,
        choices=KeepAudio.choices,
        default=KeepAudio.ORIGINAL,
        help_text="Once scanned. A link can be fetched again while it is there.",
    )
    audio_days = models.PositiveIntegerField(
        "days that audio is kept",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: as the portal is set.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    reach = Path(containers="pk")
    objects = ContainerManager()
    all_objects = models.Manager()  # noqa: DJ012 - a manager, taken for a field

    class Meta:
        ordering = ["name", "id"]
        base_manager_name = "all_objects"
        constraints = [
            models.UniqueConstraint(
                fields=["cloud_account", "cloud_container_id"],
                condition=models.Q(deleted_at__isnull=True),
                name="container_cloud_once",
                violation_error_message="Another container stands for this one already.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what could never scan: a second engine without its account."""
        tied = self.cloud_account_id and self.cloud_container_id
        if self.engine in COMBINED_ENGINES and not tied:
            raise ValidationError(
                {
                    "engine": "Tie this container to one of a cloud account first: in "
                    "the admin, at the account."
                }
            )

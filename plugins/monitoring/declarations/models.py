"""Declarations of use: their profiles, and the runs kept with their file."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Final

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedManager
from base.accounts.reach import Path
from base.common.uid import new_uid, uid_field
from base.jobs.selectors import progress_of
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.streams.models import Station
from reports.choices import RunState

DECLARATION_STATEMENT: Final = "declaration"
"""The kind of a declaration's statement."""
PROFILE_TEXTS = (
    *("name", "service", "sender", "sender_dpid", "recipient", "recipient_dpid"),
    *("contact", "street", "city", "phone", "email", "signer", "signer_title"),
)
"""The fields of a profile that hold a line of text."""


class DeclarationProfile(models.Model):
    """Who declares what to whom, in which format; ``options`` are the format's."""

    uid = uid_field("dp")
    name = models.CharField(_("name"), max_length=200, unique=True)
    format = models.CharField(_("format"), max_length=40)
    options = models.JSONField(_("options of the format"), default=dict, blank=True)
    stations = models.ManyToManyField(
        Station, related_name="declaration_profiles", verbose_name=_("stations")
    )
    service = models.CharField(_("name of the service"), max_length=200, blank=True, default="")
    rights_type = models.CharField(
        _("rights that revenue is for"),
        max_length=40,
        choices=RightsType.choices,
        blank=True,
        default="",
    )
    sender = models.CharField(_("sender"), max_length=200, blank=True, default="")
    sender_dpid = models.CharField(_("DPID of the sender"), max_length=40, blank=True, default="")
    recipient = models.CharField(_("recipient"), max_length=200, blank=True, default="")
    recipient_dpid = models.CharField(
        _("DPID of the recipient"), max_length=40, blank=True, default=""
    )
    contact = models.CharField(_("contact person"), max_length=200, blank=True, default="")
    street = models.CharField(_("street"), max_length=200, blank=True, default="")
    city = models.CharField(_("city, state and postcode"), max_length=200, blank=True, default="")
    phone = models.CharField(_("phone"), max_length=60, blank=True, default="")
    email = models.EmailField(_("email address"), blank=True, default="")
    signer = models.CharField(_("person who signs"), max_length=200, blank=True, default="")
    signer_title = models.CharField(
        _("title of that person"), max_length=200, blank=True, default=""
    )
    made_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Made for everybody who declares; it holds no plays.
    objects = models.Manager["DeclarationProfile"]()

    class Meta:
        # The tables are older than this package.
        db_table = "reports_declarationprofile"
        ordering = ["name"]
        verbose_name = _("declaration profile")
        verbose_name_plural = _("declaration profiles")

    def __str__(self) -> str:
        return self.name

    @property
    def case(self) -> str:
        """Return the profile's case in the audit trail."""
        return f"declaration-profile:{self.uid}"

    @property
    def snapshot(self) -> dict[str, object]:
        """Return the parts of the profile that a declaration keeps, as JSON."""
        names = (*PROFILE_TEXTS, "format", "options", "rights_type")
        stations = self.stations.order_by("name", "pk").values_list("uid", flat=True)
        return {**{name: getattr(self, name) for name in names}, "stations": list(stations)}


def _now() -> datetime:
    # Whole seconds, because formats write no more.
    return datetime.now(tz=UTC).replace(microsecond=0)


class Declaration(Dated):
    """One declaration of a period, kept with its content and its file.

    ``begins`` and ``ends`` are its first and last day in the stations' local time. The
    message id and ``message_at`` stand in the file; they are fixed before the first
    attempt, so that each attempt writes the same bytes. ``facts`` is what the
    declaration says, ``undeclared`` the list of what it leaves out; both are compressed,
    and hashes and sizes are those of the content. ``gaps`` are the first mandatory values
    that were missing, ``gap_count`` how many were. ``profile_as_was`` is the profile at the
    time of the request. ``replaces`` is the declaration that this one corrects.
    """

    uid = uid_field("dc")
    profile = models.ForeignKey(
        DeclarationProfile, on_delete=models.PROTECT, related_name="declarations"
    )
    profile_as_was = models.JSONField(default=dict)
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=40)
    format_version = models.CharField(max_length=40, blank=True, default="")
    begins = models.DateField(_("first day"))
    ends = models.DateField(_("last day"))
    message_id = models.CharField(
        max_length=64, unique=True, default=partial(new_uid, "msg"), editable=False
    )
    message_at = models.DateTimeField(default=_now, editable=False)
    replaces = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections"
    )
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    message = models.CharField(max_length=500, blank=True, default="")
    gap_count = models.PositiveIntegerField(default=0)
    gaps = models.JSONField(default=list)
    as_of_event = models.BigIntegerField(null=True)
    as_of_at = models.DateTimeField(null=True)
    play_count = models.PositiveIntegerField(default=0)
    played_ms = models.PositiveBigIntegerField(default=0)
    recording_count = models.PositiveIntegerField(default=0)
    line_count = models.PositiveIntegerField(default=0)
    undeclared_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    changed = models.JSONField(default=list)
    facts = models.FileField(max_length=200, blank=True, default="")
    facts_sha256 = models.CharField(max_length=64, blank=True, default="")
    undeclared = models.FileField(max_length=200, blank=True, default="")
    undeclared_sha256 = models.CharField(max_length=64, blank=True, default="")
    file = models.FileField(max_length=200, blank=True, default="")
    file_name = models.CharField(max_length=300, blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    run_by = person_field()
    run_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(owner="run_by")
    objects = DatedManager["Declaration"]()

    class Meta:
        db_table = "reports_declaration"
        ordering = ["-id"]
        verbose_name = _("declaration")
        verbose_name_plural = _("declarations")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends__gte=F("begins")), name="declaration_period_in_order"
            ),
            models.CheckConstraint(
                condition=~Q(state=RunState.READY) | ~Q(file="") & ~Q(sha256=""),
                name="declaration_ready_is_written",
            ),
        ]
        indexes = [
            models.Index(fields=["profile", "begins"], name="declaration_of_profile"),
            models.Index(fields=["updated_at"], name="declaration_changed"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def case(self) -> str:
        """Return the declaration's case in the audit trail."""
        return f"declaration:{self.uid}"

    @property
    def progress(self) -> int:
        """Return how far the declaration is, in percent."""
        if self.state == RunState.RUNNING:
            return progress_of("declaration", self.pk)
        return 100 if self.state == RunState.READY else 0

    @property
    def stations(self) -> models.QuerySet[Station]:
        """Return the stations that it declares, by name."""
        chosen = Station.objects.filter(uid__in=self.profile_as_was["stations"])
        return chosen.order_by("name", "pk")

    @property
    def url(self) -> str:
        """Return the URL of the declaration's page."""
        return reverse("portal:declaration", args=[self.uid])

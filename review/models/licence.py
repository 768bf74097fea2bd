"""Licences and own accounts: permissions that clear matches."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedManager
from base.accounts.reach import PRESENT, Path
from base.common.uid import uid_field
from catalogue.models import Bucket, Recording
from catalogue.selectors import keys_beyond_labels
from review.choices import EditedUses, LicenceScope, OnExpiry, UseKind

NUMBER_PREFIX = "LIC-"


class Licence(Dated):
    """A permission: which recordings, in which uses, where, when and for how long.

    ``use_values`` are accounts, URL prefixes, programmes or external ids, as
    ``use_kind`` says. ``territories`` are ISO codes; an empty list is the whole world.
    A draft covers nothing until somebody applies it after its preview. Exactly one row
    is built in: the installation's own accounts.
    """

    TERMS = (
        *("holder", "scope", "buckets", "labels", "recordings"),
        *("use_kind", "use_values", "territories", "valid_from", "valid_until"),
        *("max_seconds", "edited_uses", "max_speed_pct", "max_semitones", "on_expiry", "note"),
    )
    """The columns that people agree on: the page and the audit trail follow them."""

    uid = uid_field("l")
    holder = models.CharField(max_length=300)
    scope = models.CharField(_("Which recordings"), max_length=16, choices=LicenceScope.choices)
    buckets = models.ManyToManyField(Bucket, blank=True, related_name="+", limit_choices_to=PRESENT)
    labels = models.JSONField(default=list, blank=True, help_text=_("Press Enter after each"))
    recordings = models.ManyToManyField(Recording, blank=True, related_name="licences")
    use_kind = models.CharField(
        _("Which uses"), max_length=16, choices=UseKind.choices, default=UseKind.ANY
    )
    use_values = models.JSONField(
        _("Named uses"),
        default=list,
        blank=True,
        help_text=_("Accounts, addresses, programmes or external ids; press Enter after each"),
    )
    territories = models.JSONField(
        default=list,
        blank=True,
        help_text=_("Leave empty for worldwide. A file's page shows where it is used."),
    )
    valid_from = models.DateField(_("From"), null=True, blank=True)
    valid_until = models.DateField(_("Until, inclusive"), null=True, blank=True)
    max_seconds = models.PositiveIntegerField(_("Maximum seconds per use"), null=True, blank=True)
    edited_uses = models.CharField(
        max_length=16, choices=EditedUses.choices, default=EditedUses.COVERED
    )
    # The limits of ``EditedUses.WITHIN``, up and down; None is without limit.
    max_speed_pct = models.DecimalField(
        _("Speed change up to, in %"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    max_semitones = models.DecimalField(
        _("Pitch change up to, in semitones"),
        max_digits=4,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    on_expiry = models.CharField(
        _("When it ends"), max_length=16, choices=OnExpiry.choices, default=OnExpiry.REOPEN
    )
    evidence = models.FileField(max_length=200, blank=True, default="")
    evidence_name = models.CharField(max_length=500, blank=True, default="")
    note = models.TextField(blank=True, default="", max_length=4000)
    built_in = models.BooleanField(default=False, editable=False)
    # False for drafts; apply sets it after the preview.
    active = models.BooleanField(default=False, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(hidden=lambda buckets: _hidden_licences(buckets))
    objects = DatedManager["Licence"]()

    class Meta:
        ordering = ["-built_in", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gte=models.F("valid_from")),
                name="licence_dates_ordered",
            ),
            models.UniqueConstraint(
                fields=["built_in"], condition=models.Q(built_in=True), name="licence_one_built_in"
            ),
        ]
        indexes = [models.Index(fields=["valid_until"], name="licence_until")]

    def __str__(self) -> str:
        return f"{self.number} {self.holder}"

    @property
    def number(self) -> str:
        """Return the licence's number, as people and reports know it."""
        return f"{NUMBER_PREFIX}{self.pk}"

    @property
    def case(self) -> str:
        """Return the licence's case in the audit trail."""
        return f"licence:{self.uid}"

    @property
    def url(self) -> str:
        """Return the address of the licence's page."""
        return reverse("portal:licence_edit", args=[self.uid])


def _hidden_licences(buckets: frozenset[int]) -> Iterator[int]:
    """Yield the keys of licences that name a bucket, recording or label outside these buckets."""
    named = Licence.buckets.through.objects.exclude(bucket__in=buckets)
    yield from named.values_list("licence", flat=True)
    covered = Licence.recordings.through.objects.exclude(recording__bucket__in=buckets)
    yield from covered.values_list("licence", flat=True)
    by_label = Licence.objects.exclude(labels=[]).values_list("pk", "labels")
    yield from keys_beyond_labels(list(by_label), buckets)

"""People's answers which of two versions of a recording stands for both."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from catalogue.models import Recording


class VersionAnswer(models.Model):
    """An answer for a pair of recordings, in all files; ``one`` has the lower key.

    Without a recording that ``stands`` for both, each file asks.
    """

    one = models.ForeignKey(
        Recording, on_delete=models.CASCADE, verbose_name=_("first recording"), related_name="+"
    )
    other = models.ForeignKey(
        Recording, on_delete=models.CASCADE, verbose_name=_("second recording"), related_name="+"
    )
    stands = models.ForeignKey(
        Recording,
        on_delete=models.CASCADE,
        verbose_name=_("stands for both"),
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: each file asks."),
    )
    answered_by = person_field(verbose_name=_("answered by"))
    answered_at = models.DateTimeField(_("answered at"), auto_now=True)

    reach = Path(buckets="one__bucket", other_buckets="other__bucket")
    objects = ReachManager["VersionAnswer"]()

    class Meta:
        verbose_name = _("answer about two versions")
        verbose_name_plural = _("answers about two versions")
        ordering = ["-answered_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="version_answer_one_per_pair"),
            models.CheckConstraint(
                condition=models.Q(one__lt=models.F("other")), name="version_answer_pair_in_order"
            ),
            models.CheckConstraint(
                condition=models.Q(stands__isnull=True)
                | models.Q(stands=models.F("one"))
                | models.Q(stands=models.F("other")),
                name="version_answer_stands_is_of_the_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.one} / {self.other}"

"""Takedown notices to platforms, and their answers."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from reports.evidence.models import EvidencePack
from review.choices import DisputeCode
from review.models import Dispute, Match

NOTICE: Final = "notice"
"""The kind of a notice's statement."""


class NoticeLaw(models.TextChoices):
    """The law whose elements a notice has."""

    US_512C = "512c", _("United States: 17 USC 512(c)(3)")
    EU_DSA16 = "DSA16", _("European Union: DSA, Article 16")


class NoticeState(models.TextChoices):
    """Where a notice stands; it has a number once it is signed."""

    DRAFT = "DRAFT", pgettext_lazy("notice", "Draft")
    REVIEW = "REVIEW", pgettext_lazy("notice", "In review")
    SIGNED = "SIGNED", pgettext_lazy("notice", "Signed")
    SENT = "SENT", pgettext_lazy("notice", "Sent")
    ANSWERED = "ANSWERED", pgettext_lazy("notice", "Answered")
    WITHDRAWN = "WITHDRAWN", pgettext_lazy("notice", "Withdrawn")


UNSIGNED_NOTICES = (NoticeState.DRAFT, NoticeState.REVIEW)
"""Notices that may still change, and that have no number."""
OPEN_NOTICES = (*UNSIGNED_NOTICES, NoticeState.SIGNED, NoticeState.SENT)
"""Notices that are not yet answered in full, nor withdrawn."""
STANDING_NOTICES = (NoticeState.SIGNED, NoticeState.SENT, NoticeState.ANSWERED)
"""Signed notices that were not withdrawn."""


class ClaimedRight(models.TextChoices):
    """What a notice says is infringed: the recording, or the work in it."""

    RECORDING = "NR", _("The recording (master right)")
    WORK = "WK", _("The musical work")


class NoticeOutcome(models.TextChoices):
    """What a platform or its user answered about one match."""

    REMOVED = "REMOVED", pgettext_lazy("answer", "Removed")
    REFUSED = "REFUSED", pgettext_lazy("answer", "Refused")
    COUNTER = "COUNTER", pgettext_lazy("answer", "Counter-notice")


class TakedownNotice(models.Model):
    """One notice to one platform about confirmed matches.

    ``content`` holds all facts of the signed document; ``text`` and ``pdf`` are drawn
    from it and never change. ``good_faith`` and ``accuracy`` are the words that the
    signer typed. ``number`` counts the signed notices of ``year`` without gaps.
    Once it is signed, its statement says whether it still holds.
    """

    uid = uid_field("tn")
    law = models.CharField(max_length=8, choices=NoticeLaw.choices)
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.DRAFT)
    right = models.CharField(
        max_length=2, choices=ClaimedRight.choices, default=ClaimedRight.RECORDING
    )
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    number = models.PositiveIntegerField(null=True, blank=True)
    platform = models.CharField(
        max_length=300, help_text=_("The platform, or the site of the addresses.")
    )
    account = models.CharField(
        max_length=300,
        blank=True,
        default="",
        help_text=_("The account of all files; empty if there are several."),
    )
    recipient = models.CharField(max_length=300, blank=True, default="")
    recipient_contact = models.CharField(max_length=500, blank=True, default="")
    owner = models.CharField(
        max_length=300,
        blank=True,
        default="",
        help_text=_("The owner of the right, for whom the notice is made."),
    )
    contact_name = models.CharField(max_length=200, blank=True, default="")
    contact_address = models.TextField(max_length=1000, blank=True, default="")
    contact_phone = models.CharField(max_length=60, blank=True, default="")
    contact_email = models.EmailField(blank=True, default="")
    reasons = models.TextField(max_length=8000, blank=True, default="")
    fair_use = models.TextField(max_length=4000, blank=True, default="")
    good_faith = models.CharField(max_length=200, blank=True, default="")
    accuracy = models.CharField(max_length=200, blank=True, default="")
    signature = models.CharField(max_length=200, blank=True, default="")
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    signed_by = person_field()
    signed_at = models.DateTimeField(null=True, blank=True)
    content = models.JSONField(default=dict, blank=True)
    text = models.TextField(blank=True, default="")
    text_sha256 = models.CharField(max_length=64, blank=True, default="")
    pdf = models.FileField(max_length=200, blank=True, default="")
    pdf_sha256 = models.CharField(max_length=64, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_to = models.CharField(max_length=500, blank=True, default="")
    sent_how = models.CharField(max_length=200, blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.CharField(max_length=1000, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Limited people see it if they see all of its matches: ``notices.selectors``.
    objects = models.Manager["TakedownNotice"]()

    class Meta:
        db_table = "reports_takedownnotice"
        verbose_name = _("takedown notice")
        verbose_name_plural = _("takedown notices")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["year", "number"], name="notice_number_once_a_year"),
            models.CheckConstraint(
                condition=models.Q(state__in=["DRAFT", "REVIEW", "WITHDRAWN"])
                | models.Q(number__isnull=False, year__isnull=False, signed_at__isnull=False)
                & ~models.Q(pdf="")
                & ~models.Q(signature=""),
                name="notice_signed_is_numbered",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="notice_state"),
            models.Index(fields=["platform", "-id"], name="notice_platform"),
        ]

    def __str__(self) -> str:
        return self.reference or gettext("Notice to %(platform)s, not signed") % {
            "platform": self.platform
        }

    @property
    def case(self) -> str:
        """Return the notice's case in the audit trail."""
        return f"notice:{self.uid}"

    @property
    def reference(self) -> str:
        """Return the number as people write it, such as TN-2026-0007; "" unsigned."""
        if self.number is None or self.year is None:
            return ""
        return f"TN-{self.year}-{self.number:04d}"

    @property
    def claimed_right(self) -> ClaimedRight:
        """Return the right that the notice says is infringed."""
        return ClaimedRight(self.right)

    @property
    def is_unsigned(self) -> bool:
        """Tell whether the notice may still change."""
        return self.state in UNSIGNED_NOTICES

    @property
    def is_open(self) -> bool:
        """Tell whether the notice is neither answered in full nor withdrawn."""
        return self.state in OPEN_NOTICES

    @property
    def file_name(self) -> str:
        """Return the name of the notice's files, without ending."""
        return f"notice-{self.reference or self.uid}"

    @property
    def url(self) -> str:
        """Return the address of the notice's page."""
        return reverse("portal:notice", args=[self.uid])


class NoticeItem(models.Model):
    """One match of a notice, and the address.

    ``is_open`` is set until the notice is withdrawn
    or the item answered; meanwhile no other notice may have the match.
    """

    notice = models.ForeignKey(TakedownNotice, on_delete=models.CASCADE, related_name="items")
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="notice_items")
    match_uid = models.CharField(
        max_length=32, help_text=_("The id by which the notice names the match.")
    )
    url = models.URLField(max_length=2000)
    pack = models.ForeignKey(
        EvidencePack,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The evidence pack that the signed notice names."),
    )
    is_open = models.BooleanField(default=True)

    reach = Path(containers="match__scanned_file__container", buckets="match__recording__bucket")
    objects = ReachManager["NoticeItem"]()

    class Meta:
        db_table = "reports_noticeitem"
        verbose_name = _("match of a notice")
        verbose_name_plural = _("matches of notices")
        ordering = ["id"]
        constraints = [
            # By id, because a merge may make the matches of two items one.
            models.UniqueConstraint(
                fields=["match_uid"],
                condition=models.Q(is_open=True),
                name="notice_match_in_one_open_notice",
            ),
            models.UniqueConstraint(fields=["notice", "match_uid"], name="notice_match_once"),
        ]

    def __str__(self) -> str:
        return self.url


class NoticeAnswer(models.Model):
    """What came back about one match of a notice.

    Of a counter-notice under 17 USC 512(g), the platform restores the material between
    ``restore_from`` and ``restore_until`` unless the owner goes to court.
    """

    item = models.ForeignKey(NoticeItem, on_delete=models.CASCADE, related_name="answers")
    outcome = models.CharField(max_length=8, choices=NoticeOutcome.choices)
    received_at = models.DateTimeField()
    statement = models.TextField(max_length=4000, blank=True, default="")
    code = models.CharField(max_length=20, choices=DisputeCode.choices, blank=True, default="")
    restore_from = models.DateField(null=True, blank=True)
    restore_until = models.DateField(null=True, blank=True)
    dispute = models.ForeignKey(
        Dispute,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The dispute that the answer opened or closed."),
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(
        containers="item__match__scanned_file__container", buckets="item__match__recording__bucket"
    )
    objects = ReachManager["NoticeAnswer"]()

    class Meta:
        db_table = "reports_noticeanswer"
        verbose_name = _("answer to a notice")
        verbose_name_plural = _("answers to notices")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(restore_from__isnull=True)
                | models.Q(restore_until__gte=models.F("restore_from")),
                name="notice_answer_days_ordered",
            )
        ]
        indexes = [models.Index(fields=["outcome", "restore_until"], name="notice_answer_due")]

    def __str__(self) -> str:
        return str(NoticeOutcome(self.outcome).label)

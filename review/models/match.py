"""Matches: one recording in one scanned file, and the decision about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedManager
from base.accounts.deciders import Decider, decider_named
from base.accounts.reach import Path
from base.common.uid import uid_field
from catalogue.models import Recording
from catalogue.selectors import shown_for
from review.choices import (
    MatchState,
    PolicyAction,
    QueueReason,
    RejectCode,
    Relation,
    Verb,
    VersionChoice,
)
from review.counting import Count
from review.edits import Edit
from review.models.dispute import Dispute
from review.models.licence import Licence
from review.models.policy import Policy
from scanning.models import Detection, Scan, ScannedFile, Segment

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Sorts matches without a due date last."""

NO_SCORE = Decimal(-1)
"""Sorts matches without a score last."""

_WAITS = models.Q(state__in=["pending", "in_review", "escalated"])


class Waits(models.Func):
    """The condition that a match waits for a person, with literal states.

    SQLite uses a partial index only if the query repeats the index's condition
    literally, which rules out parameters. The same holds for ``Never``.
    """

    template = "%(expressions)s IN ('pending', 'in_review', 'escalated')"
    output_field = models.BooleanField()

    def __init__(self) -> None:
        super().__init__("state")


class Never(models.Value):
    """``NEVER`` as a literal."""

    def __init__(self) -> None:
        super().__init__(NEVER, output_field=models.DateTimeField())

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the literal in SQLite's format."""
        return f"'{connection.ops.adapt_datetimefield_value(NEVER)}'", ()


class Match(Dated):
    """The case that people review: one row per file and recording, for its whole life.

    ``detections`` are its evidence. The figures are computed from their segments when a
    scan is folded, and stored so that lists can filter and sort by them; a later scan
    replaces both. Every change increments ``version`` and names the version it saw, so
    none is lost. If a merge makes two matches one, ``aliases`` has the ids of the others.
    """

    # Set by ``selectors.with_segments``.
    segments: Sequence[Segment] = ()
    tally: Count

    uid = uid_field("m")
    scanned_file = models.ForeignKey(ScannedFile, on_delete=models.PROTECT, related_name="matches")
    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="matches")
    scan = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="matches")
    second_scan = models.ForeignKey(
        Scan,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The scan by the other engine that found the recording too."),
    )
    # Detections of merged recordings and of several scans can belong to one match.
    detections = models.ManyToManyField(Detection, related_name="matches")
    # What the scans found of other versions that fit equally: the match may name one.
    candidates = models.ManyToManyField(Detection, related_name="candidate_of")
    version_choice = models.CharField(
        max_length=8,
        choices=VersionChoice.choices,
        blank=True,
        default="",
        help_text=_("Empty if no other version fits equally."),
    )

    state = models.CharField(max_length=16, choices=MatchState.choices, default=MatchState.PENDING)
    queue_reason = models.CharField(
        max_length=40, choices=QueueReason.choices, default=QueueReason.DEFAULT
    )
    relation = models.CharField(max_length=20, choices=Relation.choices)
    score = models.DecimalField(max_digits=5, decimal_places=1, null=True)
    score_scale = models.CharField(max_length=40)
    bits = models.DecimalField(
        max_digits=9,
        decimal_places=1,
        default=0,
        help_text=_("The most evidence of a segment, which orders equal scores."),
    )
    segment_count = models.PositiveIntegerField()
    matched_ms = models.BigIntegerField()
    longest_ms = models.BigIntegerField()
    excluded_ms = models.BigIntegerField(
        default=0, help_text=_("Matched time removed by exclusions.")
    )
    wholly_excluded = models.BooleanField(
        default=False, help_text=_("Exclusions cover the whole match, so that none of it counts.")
    )
    source_views = models.BigIntegerField(
        default=0, help_text=_("Views of the source as reported by its platform.")
    )
    source_coverage_pct = models.DecimalField(max_digits=5, decimal_places=2)
    reference_coverage_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    first_start_ms = models.BigIntegerField()
    last_end_ms = models.BigIntegerField()
    speed_pct = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    pitch_cents = models.IntegerField(null=True)
    edit = models.CharField(
        max_length=16,
        choices=Edit.choices,
        blank=True,
        default="",
        help_text=_("Empty if the engine measures no speed."),
    )
    low_hz = models.PositiveSmallIntegerField(
        _("heard from, in Hz"), null=True, help_text=_("Nothing of the recording is heard below.")
    )
    high_hz = models.PositiveSmallIntegerField(
        _("heard up to, in Hz"), null=True, help_text=_("Nothing of the recording is heard above.")
    )
    under_speech = models.BooleanField(null=True)
    speech_checked = models.BooleanField(
        default=False,
        help_text=_("A person listened and said whether speech lies over most of it."),
    )
    rivals = models.PositiveIntegerField(
        default=0,
        help_text=_("Other recordings in over half of the same time, not counting copies."),
    )
    found_late = models.BooleanField(default=False)
    lost = models.BooleanField(default=False, help_text=_("A later scan did not find it again."))

    decided_by = person_field()
    decided_by_name = models.CharField(max_length=150, blank=True, default="")
    # Kept, because an account may become a person's later.
    decided_by_program = models.BooleanField(
        default=False, help_text=_("A service account or an API token decided, and no person.")
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=40, blank=True, default="")
    licence = models.ForeignKey(
        Licence,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="matches",
        help_text=_("The licence that cleared the match."),
    )
    policy = models.ForeignKey(
        Policy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="matches",
        help_text=_("The policy that decided or routed the match."),
    )
    policy_action = models.CharField(
        max_length=16, choices=PolicyAction.choices, blank=True, default=""
    )
    policy_name = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text=_("The policy and its version at the time."),
    )
    priority = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_matches",
    )
    needs_approval = models.BooleanField(
        default=False, help_text=_("Confirming needs approval by a second person.")
    )
    proposed = models.CharField(
        max_length=16,
        choices=[(Verb.CONFIRM.value, Verb.CONFIRM.label)],
        blank=True,
        default="",
        help_text=_("The decision that waits for a second approval."),
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Who escalated it, or on whose behalf a policy did. Another person approves."),
    )
    dispute = models.ForeignKey(
        Dispute,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The latest dispute of the claim."),
    )
    note = models.TextField(blank=True, default="", max_length=4000)
    locked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        # The index of held matches serves it.
        db_index=False,
    )
    locked_until = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="scanned_file__container", buckets="recording__bucket")
    objects = DatedManager["Match"]()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "matches"
        constraints = [
            models.UniqueConstraint(
                fields=["scanned_file", "recording"], name="match_one_per_recording"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    first_start_ms__gte=0, last_end_ms__gt=models.F("first_start_ms")
                ),
                name="match_offsets_ordered",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    wholly_excluded=False, longest_ms__gt=0, matched_ms__gte=models.F("longest_ms")
                )
                | models.Q(wholly_excluded=True, longest_ms=0, matched_ms=0),
                name="match_lengths_ordered",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="rejected") | ~models.Q(decision_reason=""),
                name="match_rejected_has_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="cleared")
                | ~models.Q(decision_reason="licence")
                | models.Q(licence__isnull=False),
                name="match_cleared_by_licence_names_it",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=MatchState.values), name="match_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-created_at", "-id"], name="match_state"),
            models.Index(fields=["state", "-score", "-bits", "-id"], name="match_state_score"),
            models.Index(fields=["recording", "state"], name="match_recording"),
            models.Index(fields=["-created_at", "-id"], name="match_newest"),
            models.Index(fields=["updated_at"], name="match_changed"),
            models.Index(fields=["score", "bits", "id"], name="match_score"),
            models.Index(fields=["matched_ms", "id"], name="match_length"),
            # The queue's default order and its counts, answered from the index alone.
            # Columns inside an expression are included, or the table would be read.
            models.Index(
                Coalesce("due_at", models.Value(NEVER)),
                models.F("priority").desc(),
                "created_at",
                "id",
                include=["scanned_file", "due_at"],
                condition=_WAITS,
                name="match_queue",
            ),
            # The same for the order by what is at stake.
            models.Index(
                fields=["-priority", "-source_views", "-matched_ms", "id"],
                include=["scanned_file"],
                condition=_WAITS,
                name="match_at_stake",
            ),
            # The same for the orders by score and by length.
            models.Index(
                Coalesce("score", models.Value(NO_SCORE)),
                "bits",
                "id",
                include=["scanned_file", "score"],
                condition=_WAITS,
                name="match_waits_score",
            ),
            models.Index(
                fields=["matched_ms", "id"],
                include=["scanned_file"],
                condition=_WAITS,
                name="match_waits_length",
            ),
            models.Index(
                fields=["queue_reason", "created_at", "id"],
                include=["scanned_file", "state"],
                condition=_WAITS,
                name="match_waiting",
            ),
            models.Index(
                fields=["due_at"],
                include=["scanned_file"],
                condition=_WAITS & models.Q(due_at__isnull=False),
                name="match_due",
            ),
            # Nearly all matches are free: an index of them all would look useless.
            models.Index(
                fields=["locked_by", "locked_until"],
                condition=models.Q(locked_by__isnull=False),
                name="match_held",
            ),
            models.Index(
                fields=["decided_at"],
                include=[*("state", "decided_by", "decided_by_program"), *("score_scale", "score")],
                condition=models.Q(decided_at__isnull=False),
                name="match_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recording.full_title} in {self.scanned_file.name}"

    @property
    def is_heard(self) -> bool:
        """Return whether the match says that its recording is heard.

        Released claims still do, and of the reasons to reject only the public domain.
        """
        if self.state == MatchState.REJECTED:
            return self.decision_reason == RejectCode.PUBLIC_DOMAIN
        return self.state != MatchState.SUPPRESSED

    @staticmethod
    def heard() -> models.Q:
        """Return the condition that holds where ``is_heard`` does."""
        rejected = models.Q(state=MatchState.REJECTED)
        public_domain = models.Q(decision_reason=RejectCode.PUBLIC_DOMAIN)
        return ~models.Q(state=MatchState.SUPPRESSED) & (~rejected | public_domain)

    @property
    def is_decided(self) -> bool:
        """Return whether a decision stands, whoever made it.

        An escalated match waits for one: its ``decided_*`` name who escalated it.
        """
        return self.decided_at is not None and self.state != MatchState.ESCALATED

    @staticmethod
    def decided() -> models.Q:
        """Return the condition that holds where ``is_decided`` does."""
        return models.Q(decided_at__isnull=False) & ~models.Q(state=MatchState.ESCALATED)

    @property
    def decider(self) -> Decider | None:
        """Return what kind of decider decided the match; None if none has.

        Every text, figure and rule that speaks of people asks it, or ``by_people``.
        """
        if self.decided_by_program:
            return Decider.PROGRAM
        if self.decided_by_id is not None:
            return Decider.PERSON
        return decider_named(self.decided_by_name)

    @property
    def is_decided_alone(self) -> bool:
        """Return whether a person or a program decided this one match, and no rule."""
        return self.decider in (Decider.PERSON, Decider.PROGRAM)

    @staticmethod
    def by_people() -> models.Q:
        """Return the condition that a person decided, as ``decider`` says."""
        return models.Q(decided_by__isnull=False, decided_by_program=False)

    @staticmethod
    def by_programs() -> models.Q:
        """Return the condition that a program decided, as ``decider`` says."""
        return models.Q(decided_by_program=True)

    @property
    def has_open_versions(self) -> bool:
        """Return whether another version fits equally, and nobody has chosen one."""
        return self.version_choice == VersionChoice.OPEN

    @property
    def review_url(self) -> str:
        """Return the address of the match's review page."""
        return reverse("portal:match", args=[self.uid])

    @property
    def state_by(self) -> str:
        """Return who brought the match to its state; empty if no decision did.

        While a claim is disputed, ``decided_by`` still names the person who confirmed.
        """
        if self.state == MatchState.DISPUTED and self.dispute is not None:
            recorder = self.dispute.recorded_by
            return recorder.get_username() if recorder else ""
        return self.decided_by_name

    @property
    def state_at(self) -> datetime | None:
        """Return when the match reached its state by a decision."""
        if self.state == MatchState.DISPUTED and self.dispute is not None:
            return self.dispute.created_at
        return self.decided_at

    @property
    def found_again_at(self) -> datetime | None:
        """Return when a later scan than the first found it last."""
        scanned_at = self.scan.finished_at
        return scanned_at if scanned_at and scanned_at > self.created_at else None

    @property
    def source_share(self) -> Decimal | None:
        """Return the share of the file that counts; None if its length is unknown."""
        return self.source_coverage_pct if self.scanned_file.length_ms else None

    @property
    def shown(self) -> Recording:
        """Return the recording that lists and reports name: what its own was merged into."""
        return shown_for(self.recording)

    @property
    def case(self) -> str:
        """Return the match's case in the audit trail."""
        return f"match:{self.uid}"

"""Policies: ordered rules that decide how matches are treated."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedManager
from base.accounts.reach import Path
from base.common.uid import uid_field
from catalogue.selectors import keys_beyond_labels
from review.choices import PolicyAction

PRIORITY_MOST = 9


class Policy(Dated):
    """One rule; the first enabled policy whose conditions fit treats the match.

    ``conditions`` holds JSON of ``review.conditions.Conditions``. Every change of the
    rule increments ``version``; the audit trail keeps earlier versions.
    """

    TERMS = ("name", "action", "priority", "due_days", "assignee", "second_approval")
    """The columns that, with ``conditions``, make the rule: its page and events follow them."""

    uid = uid_field("p")
    name = models.CharField(max_length=150, unique=True)
    position = models.PositiveIntegerField(default=0, editable=False)
    enabled = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # JSON: conditions are read as a whole and never searched.
    conditions = models.JSONField(default=dict, blank=True)
    action = models.CharField(max_length=16, choices=PolicyAction.choices)
    priority = models.SmallIntegerField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(PRIORITY_MOST)],
        help_text=_("0 to 9; higher comes first in the queue."),
    )
    due_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Days until the decision is due.")
    )
    assignee = person_field()
    second_approval = models.BooleanField(
        default=False, help_text=_("Confirming needs approval by a second person.")
    )
    owner = person_field(editable=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        help_text=_("The author of the current version; its proposals are in this name."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(hidden=lambda buckets: _hidden_policies(buckets))
    objects = DatedManager["Policy"]()

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(action__in=PolicyAction.values), name="policy_action_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def case(self) -> str:
        """Return the policy's case in the audit trail."""
        return f"policy:{self.uid}"

    @property
    def url(self) -> str:
        """Return the address of the policy's page."""
        return reverse("portal:policy_edit", args=[self.uid])


def _hidden_policies(buckets: frozenset[int]) -> Iterator[int]:
    """Yield the keys of policies that name a bucket or label outside these buckets."""
    keys = frozenset(map(str, buckets))
    by_label = list[tuple[int, list[str]]]()
    for key, conditions in Policy.objects.values_list("pk", "conditions"):
        sets = conditions.get("sets", {})
        if not keys.issuperset(sets.get("buckets", ())):
            yield key
        elif "labels" in sets:
            by_label.append((key, sets["labels"]))
    yield from keys_beyond_labels(by_label, buckets)

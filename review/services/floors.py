"""Returns suppressed matches to the queue when a container's floor is lowered.

Raising a floor suppresses no waiting match, because nobody would notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from review.choices import WAITING_STATES, MatchState, QueueReason
from review.coverage import LicencesInForce
from review.models import Match
from review.services import evaluation, transitions
from review.services.questions import StatedSeconds
from review.services.treatments import treat
from review.subjects import Subject
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile


@dataclass(frozen=True, slots=True)
class FloorPreview:
    """The effect of another floor on existing matches.

    ``returning`` matches would be evaluated again; ``staying`` ones lie below the new
    floor but keep waiting.
    """

    returning: int
    staying: int


def preview(*, container: Container, floor: Decimal) -> FloorPreview:
    """Count the matches this floor would return, and the waiting ones below it."""
    below = Match.objects.filter(
        scanned_file__container=container,
        scanned_file__deleted_at__isnull=True,
        state__in=WAITING_STATES,
        score__lt=floor,
    )
    return FloorPreview(_below_no_more(container, floor).count(), below.count())


@transaction.atomic
def give_back(*, container: Container, user: User) -> int:
    """Evaluate matches that the floor no longer suppresses; return how many changed.

    Licences and policies apply as to new matches; the rest waits for a person.
    """
    transitions.require(
        user, Action.CONFIGURE, why=_("Only an admin may change a container's floor.")
    )
    rows = _below_no_more(container, container.score_floor).select_related(
        "recording", "scanned_file__container", "scan"
    )
    policies, licences = evaluation.rules_in_force(), LicencesInForce()
    statements = StatedSeconds()
    returned = 0
    for match in rows.order_by("pk").iterator(chunk_size=500):
        outcome = evaluation.evaluate(
            subject=Subject.of(match), policies=policies, licences=licences, statements=statements
        )
        if treat(match=match, outcome=outcome, user=user):
            returned += 1
            ScannedFile.objects.filter(pk=match.scanned_file_id, status=FileStatus.NO_MATCH).update(
                status=FileStatus.READY
            )
    return returned


def _below_no_more(container: Container, floor: Decimal) -> QuerySet[Match]:
    return Match.objects.filter(
        Q(score__isnull=True) | Q(score__gte=floor),
        scanned_file__container=container,
        scanned_file__deleted_at__isnull=True,
        state=MatchState.SUPPRESSED,
        queue_reason=QueueReason.BELOW_FLOOR,
    )

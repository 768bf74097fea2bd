"""Changes the details of a file, and marks a file without a match as expected.

Licences and policies read the territories, account and programme of a file. Matches that
wait are evaluated as new ones; a licence that no longer covers a match gives it back.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.reach import working_for
from accounts.roles import Action
from audit.services import record
from review import errors
from review.choices import MatchState, QueueReason
from review.coverage import LicencesInForce
from review.models import Match
from review.services import evaluation, licences, transitions
from review.services.treatments import treat
from review.subjects import Subject
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from scanning.services.filing import change_details
from scanning.services.intake import FileDetails


@dataclass(frozen=True, slots=True)
class DetailsOutcome:
    """The effect of new details: matches evaluated otherwise, and given back."""

    changed: bool = False
    evaluated: int = 0
    reopened: int = 0


@transaction.atomic
def change(
    *, scanned_file: ScannedFile, details: FileDetails, user: User
) -> DetailsOutcome:
    """Store the details and evaluate the matches that wait; decisions of people stay."""
    transitions.require(
        user,
        Action.UPLOAD,
        why=_("Your role can view files but not change them."),
    )
    if not change_details(scanned_file=scanned_file, details=details, user=user):
        return DetailsOutcome()
    # Rules act on all matches of the file, also on those the person cannot see.
    with working_for(None):
        reopened = licences.reopen_of_file(scanned_file)
        evaluated = _evaluate_again(scanned_file, user)
    return DetailsOutcome(changed=True, evaluated=evaluated, reopened=reopened)


def _evaluate_again(scanned_file: ScannedFile, user: User) -> int:
    rows = Match.objects.filter(
        scanned_file=scanned_file, state=MatchState.PENDING
    ).select_related("recording", "scanned_file__container", "scan")
    policies, in_force = evaluation.rules_in_force(), LicencesInForce()
    treated, partly = 0, QueueReason.LICENCE_PARTIAL
    for match in rows.order_by("pk"):
        outcome = evaluation.evaluate(
            subject=Subject.of(match), policies=policies, licences=in_force
        )
        named = str(outcome.policy) if outcome.policy is not None else ""
        # A rule says something else of the match than before.
        if (
            outcome.state != match.state
            or named != match.policy_name
            or (outcome.queue_reason == partly) != (match.queue_reason == partly)
        ):
            treated += treat(match=match, outcome=outcome, user=user)
    return treated


@transaction.atomic
def mark_expected(
    *, scanned_file: ScannedFile, user: User, expected: bool = True, note: str = ""
) -> ScannedFile:
    """Mark a file without a match as expected, or with False return it to the list."""
    transitions.require(
        user,
        Action.DECIDE,
        why=_("Your role can view files but not mark them as expected."),
    )
    transitions.check_note(note)
    current = ScannedFile.objects.select_for_update().get(pk=scanned_file.pk)
    if current.status != FileStatus.NO_MATCH or current.deleted_at is not None:
        raise errors.NotPossible(
            _(
                "%(name)s has a match, is being scanned or was deleted. "
                "Reload to see its state."
            )
            % {"name": current.name}
        )
    if current.no_match_expected == expected:
        return current
    current.no_match_expected = expected
    current.save(update_fields=["no_match_expected", "updated_at"])
    record(
        case=f"file:{current.uid}",
        action="expected" if expected else "not_expected",
        actor=user,
        before={"no_match_expected": not expected},
        after={"no_match_expected": expected},
        note=note.strip(),
    )
    return current

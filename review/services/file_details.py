"""Changes the details of a file, and marks a file without a match as expected.

Licences and policies read the territories, account and programme of a file, so its
matches are evaluated again (``grounds``).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.services import record
from review import errors
from review.services import grounds, transitions
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from scanning.services.filing import change_details
from scanning.services.intake import Details


@dataclass(frozen=True, slots=True)
class DetailsOutcome:
    """The effect of new details: matches evaluated otherwise, and given back."""

    changed: bool = False
    evaluated: int = 0
    reopened: int = 0


@transaction.atomic
def change(*, scanned_file: ScannedFile, details: Details, user: User) -> DetailsOutcome:
    """Store the details and evaluate the matches again; decisions of people stay."""
    transitions.require(user, Action.UPLOAD, why=_("Your role can view files but not change them."))
    rows = ScannedFile.objects.select_for_update(of=("self",))
    before = rows.select_related("container").get(pk=scanned_file.pk)
    if not change_details(scanned_file=scanned_file, details=details, user=user):
        return DetailsOutcome()
    followed = grounds.follow_file(scanned_file=scanned_file, before=before, actor=user)
    return DetailsOutcome(changed=True, evaluated=followed.evaluated, reopened=followed.reopened)


@transaction.atomic
def mark_expected(
    *, scanned_file: ScannedFile, user: User, expected: bool = True, note: str = ""
) -> None:
    """Mark a file without a match as expected, or with False return it to the list."""
    transitions.require(
        user, Action.DECIDE, why=_("Your role can view files but not mark them as expected.")
    )
    transitions.check_note(note)
    current = ScannedFile.objects.select_for_update().get(pk=scanned_file.pk)
    if current.status != FileStatus.NO_MATCH or current.deleted_at is not None:
        raise errors.NotPossible(
            _("%(name)s has a match, is being scanned or was deleted. Reload to see its state.")
            % {"name": current.name}
        )
    if current.no_match_expected == expected:
        return
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

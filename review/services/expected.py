"""Marks files without a match as expected, so that they leave the list."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Action
from audit.services import record
from review import errors
from review.services import transitions
from scanning.choices import FileStatus
from scanning.models import ScannedFile


@transaction.atomic
def mark_expected(
    *, scanned_file: ScannedFile, user: User, expected: bool = True, note: str = ""
) -> ScannedFile:
    """Mark a file without a match as expected, or with False return it to the list."""
    transitions.require(
        user,
        Action.DECIDE,
        why=_("Your role may look at files, not mark them as expected."),
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

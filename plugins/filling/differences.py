"""Values that sources give instead of those that recordings have, for people to judge.

The safe mark is measured on known values. Where a source says something else, both may
be right: a label under another name, a second ISRC of one recording. What a person judges
*also right* counts as right from the next measurement on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from plugins.filling.choices import FillField
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.merging import MergedValue
from plugins.filling.models import KnownDifference

Judged = set[tuple[int, str, str]]
"""Recordings with the value that they have, and another one that is also right."""


def also_right(field: FillField) -> Judged:
    """Return what people judged also right of a field."""
    rows = KnownDifference.objects.filter(field=field, is_also_right=True)
    return set(rows.values_list("recording", "known", "found"))


@transaction.atomic
def keep_differences(field: FillField, differences: Iterable[tuple[int, str, MergedValue]]) -> None:
    """Make the differences of a field those that were found; judged ones stay.

    Each has a recording's key, the value that it has, and what sources say.
    """
    pending = {(key, ours, candidate.value): candidate for key, ours, candidate in differences}
    rows = KnownDifference.objects.filter(field=field)
    for row in rows.select_for_update():
        evidence = pending.pop((row.recording_id, row.known, row.found), None)
        if evidence is None and not row.is_also_right:
            row.delete()
    KnownDifference.objects.bulk_create(
        KnownDifference(
            recording_id=key,
            field=field,
            known=ours,
            found=candidate.value,
            evidence=candidate.evidence,
        )
        for (key, ours, _theirs), candidate in pending.items()
    )


@transaction.atomic
def judge(*, difference: KnownDifference, is_also_right: bool, user: User) -> None:
    """Store whether the other value is right, too. Raises ``EnrichmentRefused``."""
    rows = KnownDifference.objects.filter(pk=difference.pk, is_also_right=not is_also_right)
    if not rows.update(is_also_right=is_also_right, judged_by=user, judged_at=datetime.now(tz=UTC)):
        raise EnrichmentRefused("changed_meanwhile", _("Somebody else has judged this meanwhile."))
    base.audit.services.record(
        case=f"recording:{difference.recording.uid}",
        action="suggestion.difference_judged",
        actor=user,
        after={"field": difference.field, "value": difference.found, "also_right": is_also_right},
    )

"""The rights of recordings that are merged, parted or retired."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import User
from catalogue.models import Recording, RecordingStatus
from common.zones import office_day
from rights import conflicts
from rights.filling import fill_catalogue, refresh_own_shares
from rights.models import RightsRecording
from rights.records import record_keys


class RightsOfMerged:
    """Shares of a merged recording also count for the one that stays."""

    def fill(self, touched: Sequence[Recording], user: User) -> None:
        """Name the writers and publishers of the works that recordings have now."""
        living = Recording.objects.exclude(status=RecordingStatus.RETIRED)
        fill_catalogue(living.filter(pk__in=[each.pk for each in touched]), user=user)

    def follow(self, touched: Sequence[Recording]) -> None:
        """Evaluate conflicts and our own shares again."""
        records = set[int]().union(*record_keys(touched).values())
        conflicts.refresh(RightsRecording.objects.filter(pk__in=records).order_by("pk"))
        refresh_own_shares(touched, day=office_day())

"""Keeps rights in step with recordings that people merge, split or retire."""

from __future__ import annotations

from collections.abc import Collection

from base.accounts.models import User
from base.common.zones import office_day
from catalogue.models import Recording
from catalogue.owners.models import RightsRecording
from catalogue.owners.records import record_keys
from plugins.rights import conflicts
from plugins.rights.filling import fill_catalogue, refresh_own_shares


class RightsFollower:
    """Names, conflicts and our shares: a merged recording has the rights of both."""

    def fill(self, recordings: Collection[Recording], *, user: User) -> None:
        """Name the writers and publishers of the works that recordings have now."""
        fill_catalogue(recordings, user=user)

    def follow(self, recordings: Collection[Recording]) -> None:
        """Find contradictions between the rights that recordings have now."""
        records = set[int]().union(*record_keys(recordings).values())
        conflicts.refresh(RightsRecording.objects.filter(pk__in=records).order_by("pk"))
        refresh_own_shares(recordings, day=office_day())

"""Where both engines of a trial listen, beside the files of its containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db.models import Model, Q

from base.common.registry import Registry
from base.jobs.context import JobContext
from plugins.moving.models import EngineTrial
from scanning.engines.acrcloud import Cloud
from scanning.models import CloudAccount


class TrialPlaces(Protocol):
    """What a package above compares in trials, such as live streams."""

    def refuse(self, account: CloudAccount, chosen: Sequence[Model]) -> None:
        """Raise ``TrialRefused`` for a place of which the account cannot be asked."""

    def refuse_busy(self, chosen: Sequence[Model]) -> None:
        """Raise ``TrialRefused`` if a place is in a running trial."""

    def add(self, trial: EngineTrial, chosen: Sequence[Model]) -> None:
        """Make places part of a trial."""

    def uids(self, trial: EngineTrial) -> list[str]:
        """Return the places of a trial, in the order of their keys."""

    def containers(self, trial: EngineTrial) -> Q:
        """Return the condition of containers whose buckets are searched there."""

    def buckets(self, trial: EngineTrial, cloud: Cloud) -> Mapping[str, list[str]]:
        """Return the account's buckets that are searched there, for ``their_buckets``.

        Raises ``CloudFault``.
        """

    def compare(self, trial: EngineTrial, context: JobContext) -> None:
        """Compare what has come since the last time."""


places: Registry[TrialPlaces] = Registry()


def uids_of(trial: EngineTrial) -> list[str]:
    """Return all places of a trial."""
    return [uid for place in places for uid in place.uids(trial)]

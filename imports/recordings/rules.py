"""Rules of duplicates and exclusions for the import of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.files.base import File
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.models import Bucket, Exclusion, ExclusionReason, Recording
from catalogue.selectors import excluded_intervals, excluded_segments
from dedup import intake
from imports.errors import RowFault
from imports.recordings.rows import Interval, Overtaken
from recognition.types import Fingerprint
from review.errors import ReviewError
from review.services import exclusions


@dataclass(frozen=True, slots=True)
class TouchedMatches:
    """How many matches lose time to new exclusions, and how many disappear."""

    touched: int
    suppressed: int


class RowRules:
    """What duplicates and exclusions allow.

    In a dry run each method decides as usual, writes nothing, and remembers its
    decision for the rows that follow.
    """

    def __init__(self, *, bucket: Bucket, user: User | None, folder: Path | None):
        """``folder`` holds the memory of a dry run; without one, rows are carried out."""
        self._bucket, self._user = bucket, user
        self._rehearsal = intake.Rehearsal(folder) if folder is not None else None

    def listen(
        self, *, audio: File[bytes] | None, fingerprint: Fingerprint | None
    ) -> intake.Newcomer:
        """Fingerprint a row's audio, if the bucket compares recordings."""
        return intake.prepare(bucket=self._bucket, audio=audio, fingerprint=fingerprint)

    def add(self, newcomer: intake.Newcomer, details: Recording) -> Recording | None:
        """Add a recording by the bucket's intake rule; a dry run only checks it.

        Raises ``Overtaken`` if its custom id is taken, and ``AlreadyInCatalogue`` if the
        rule refuses its audio.
        """
        try:
            if self._rehearsal is None:
                return intake.add_prepared(newcomer=newcomer, details=details, user=self._user)
            intake.refuse_known(newcomer, self._rehearsal)
        except intake.AlreadyInCatalogue as error:
            if error.field == "custom_id":
                raise Overtaken from error
            raise
        self._rehearsal.add(newcomer, details)
        return None

    def refuse_known(self, newcomer: intake.Newcomer) -> None:
        """Raise ``AlreadyInCatalogue`` if the bucket's intake rule refuses the audio."""
        try:
            intake.refuse_known(newcomer, self._rehearsal)
        except intake.AlreadyInCatalogue as error:
            if error.field != "custom_id":
                raise

    def rehearse_audio(self, recording: Recording, audio: File[bytes] | None) -> None:
        """Let a dry run compare later rows with a recording's other audio or link."""
        if self._rehearsal is not None:
            newcomer = self.listen(audio=audio, fingerprint=None)
            self._rehearsal.replace_audio(recording, newcomer)

    def missing_exclusions(
        self, recording: Recording | None, intervals: Sequence[Interval]
    ) -> list[Interval]:
        """Return the intervals that no exclusion in force equals.

        Raises ``RowFault`` if there are any and the user may not exclude them or
        approve the proposals for them.
        """
        excluded = excluded_intervals(recording) if recording is not None else []
        missing = [interval for interval in intervals if interval not in excluded]
        if missing and not self._person.has_perm(Action.EDIT_CATALOGUE):
            raise RowFault("exclude", "", _("Only a manager may exclude intervals of recordings."))
        for segment in self._proposals(recording, missing).values():
            try:
                exclusions.refuse_answer(segment=segment, user=self._person)
            except ReviewError as error:
                raise RowFault("exclude", "", str(error)) from error
        return missing

    @staticmethod
    def _proposals(
        recording: Recording | None, intervals: Sequence[Interval]
    ) -> dict[Interval, Exclusion]:
        """Return the proposed exclusions that equal these intervals."""
        if recording is None:
            return {}
        proposed = {
            (segment.start_ms, segment.end_ms): segment
            for segment in excluded_segments(recording).filter(approved=False)
        }
        return {interval: proposed[interval] for interval in intervals if interval in proposed}

    @property
    def _person(self) -> User:
        if self._user is None:
            raise RowFault("exclude", "", _("Exclusions need a person: name one with --username."))
        return self._user

    def touched_by(self, recording: Recording, intervals: Sequence[Interval]) -> TouchedMatches:
        """Count the matches that lose time, and those of them that lose all of it."""
        effects = exclusions.preview_all(recording=recording, intervals=intervals)
        return TouchedMatches(len(effects.touched), len(effects.suppressed))

    def exclude(self, recording: Recording, intervals: Sequence[Interval], note: str) -> None:
        """Exclude the intervals; approve the proposals that equal them."""
        proposed = self._proposals(recording, intervals)
        try:
            for interval in intervals:
                if (segment := proposed.get(interval)) is not None:
                    exclusions.approve(segment=segment, user=self._person)
                    continue
                exclusions.exclude(
                    recording=recording,
                    interval=interval,
                    reason=ExclusionReason.OTHER,
                    user=self._person,
                    note=note,
                )
        except ReviewError as error:
            raise RowFault("exclude", "", str(error)) from error

"""What licences and policies are asked about: a match, or one that is about to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, Self

from django.utils import timezone

from catalogue.identifiers import check_isrc
from catalogue.models import CodeStatus, Recording
from review.choices import Relation
from review.models import Match
from review.services.figures import LOOP_MS
from scanning.comparison import differences
from scanning.models import Scan, ScannedFile

TERRITORY_TAG = "territory:"
LOOP_RIVALS = 2


class Measured(Protocol):
    """The figures that rules look at; a match has them, and so has what is folded."""

    @property
    def relation(self) -> str: ...
    @property
    def score(self) -> Decimal | None: ...
    @property
    def score_scale(self) -> str: ...
    @property
    def matched_ms(self) -> int: ...
    @property
    def longest_ms(self) -> int: ...
    @property
    def source_coverage_pct(self) -> Decimal: ...
    @property
    def reference_coverage_pct(self) -> Decimal | None: ...
    @property
    def speed_pct(self) -> Decimal | None: ...
    @property
    def pitch_cents(self) -> int | None: ...
    @property
    def under_speech(self) -> bool | None: ...
    @property
    def wholly_excluded(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """One recording in one scanned file, with what one scan measured."""

    file: ScannedFile
    recording: Recording
    scan: Scan
    measured: Measured
    rivals: int
    found_late: bool

    @classmethod
    def of(cls, match: Match) -> Self:
        """Return what rules see of a match that is there."""
        return cls(
            file=match.scanned_file,
            recording=match.recording,
            scan=match.scan,
            measured=match,
            rivals=match.rivals,
            found_late=match.found_late,
        )

    @property
    def engines_disagree(self) -> bool:
        """Tell whether another engine heard something else where this was found."""
        return any(
            one.is_disagreement and one.concerns(self.recording.pk)
            for one in differences(self.file) or ()
        )

    @property
    def is_shared_loop(self) -> bool:
        """Tell whether it says little of which recording is heard.

        It is a loop, or so short a stretch that three recordings have it.
        """
        return self.measured.relation == Relation.LOOP or (
            self.rivals >= LOOP_RIVALS and self.measured.longest_ms <= LOOP_MS
        )

    @property
    def codes_disagree(self) -> bool:
        """Tell whether the ISRCs of both sides, or of two recordings, contradict."""
        if self.recording.isrc_status == CodeStatus.CONFLICT:
            return True
        tags = self.file.facts.get("tags", {})
        told = check_isrc(str(tags.get("isrc") or tags.get("tsrc") or ""))
        ours = self.recording.isrc_normalised
        return bool(told.normalised and ours and told.normalised != ours)

    @property
    def used_on(self) -> date:
        """Return the day of the use: published, or else when the file came here."""
        moment = self.file.published_at or self.file.created_at
        return timezone.localdate(moment)

    @property
    def territories(self) -> frozenset[str]:
        """Return where the use is, as far as the file's tags say so."""
        return frozenset(
            str(tag)[len(TERRITORY_TAG) :].strip().upper()
            for tag in self.file.tags
            if str(tag).lower().startswith(TERRITORY_TAG)
        )

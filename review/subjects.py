"""The input of licences and policies: an existing match, or one being created."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Protocol, Self

from catalogue.identifiers import check_isrc
from catalogue.models import CodeStatus, Recording
from catalogue.owners.selectors import Rights, rights_of
from review.choices import Relation
from review.edits import Edit
from review.figures import LOOP_MS
from review.intervals import Interval
from review.models import Match
from scanning.comparison import differences
from scanning.models import Scan, ScannedFile, Segment
from scanning.uses import FileUse, use_of

# With two rivals, at least three recordings share the interval.
LOOP_RIVALS = 2


class Measured(Protocol):
    """The figures that rules read, from a match or from ``figures.work_out``."""

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
    def edit(self) -> str: ...
    @property
    def under_speech(self) -> bool | None: ...
    @property
    def wholly_excluded(self) -> bool: ...


def heard_of(match: Match) -> list[Interval]:
    """Return where the evidence of a match lies in its file."""
    segments = Segment.objects.filter(detection__matches=match)
    return list(segments.values_list("start_ms", "end_ms"))


@dataclass(frozen=True, slots=True)
class Subject:
    """One recording in one scanned file, with the figures of one scan.

    ``heard`` returns where it lies in the file; few rules read it.
    """

    file: ScannedFile
    recording: Recording
    scan: Scan
    measured: Measured
    rivals: int
    found_late: bool
    has_open_versions: bool
    """Whether another version fits equally, and nobody has chosen one."""
    heard: Callable[[], Sequence[Interval]]

    @classmethod
    def of(cls, match: Match) -> Self:
        """Return the subject for an existing match."""
        return cls(
            file=match.scanned_file,
            recording=match.recording,
            scan=match.scan,
            measured=match,
            rivals=match.rivals,
            found_late=match.found_late,
            has_open_versions=match.has_open_versions,
            heard=partial(heard_of, match),
        )

    @property
    def engines_disagree(self) -> bool:
        """Return whether another engine found something else in the same place."""
        return any(
            difference.is_disagreement and difference.concerns(self.recording.pk)
            for difference in differences(self.file) or ()
        )

    @property
    def is_shared_loop(self) -> bool:
        """Return whether the sound does not tell which recording is playing.

        This is so for a loop, and for a short interval that three recordings share.
        """
        return self.measured.relation == Relation.LOOP or (
            self.rivals >= LOOP_RIVALS and self.measured.longest_ms <= LOOP_MS
        )

    @property
    def is_edited(self) -> bool:
        """Return whether the source plays the recording at another speed or pitch.

        Where the engine measures neither, the use counts as not edited.
        """
        return self.measured.edit not in ("", Edit.NONE)

    @property
    def codes_disagree(self) -> bool:
        """Return whether ISRCs contradict: file and recording, or two recordings."""
        if self.recording.isrc_status == CodeStatus.CONFLICT:
            return True
        tags = self.file.facts.get("tags", {})
        tagged = check_isrc(str(tags.get("isrc") or tags.get("tsrc") or ""))
        ours = {self.recording.isrc_normalised, self.recording.own_isrc} - {""}
        return bool(tagged.normalised and ours and tagged.normalised not in ours)

    @property
    def use(self) -> FileUse:
        """Return when and where the file was used, and how that is known."""
        return use_of(self.file)

    @property
    def used_on(self) -> date:
        """Return the day of the first use; rights depend on it."""
        return self.use.first_day

    @property
    def territories(self) -> frozenset[str]:
        """Return the known territories of the use."""
        return self.use.territories


def rights_at_use(match: Match) -> Rights:
    """Return who owns what on the day and in the territories of the use."""
    subject = Subject.of(match)
    return rights_of(match.recording, day=subject.used_on, territories=sorted(subject.territories))

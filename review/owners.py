"""Who owned what when a recording was used."""

from __future__ import annotations

from catalogue.owners.selectors import Rights, rights_of
from review.models import Match
from review.subjects import Subject


def rights_at_use(match: Match) -> Rights:
    """Return who owns what on the day and in the territories of the use."""
    subject = Subject.of(match)
    return rights_of(match.recording, day=subject.used_on, territories=sorted(subject.territories))

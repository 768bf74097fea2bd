"""What statements say of uses, with the names that its rows have today."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from base.accounts.reach import sees_everything
from catalogue.models import Recording
from review.choices import MatchState
from review.models import Match, MatchAlias
from scanning.models import ScannedFile
from statements.models import StatementFact


@dataclass(frozen=True, slots=True)
class FactRow:
    """What a statement says of one use, with the names that its rows have today."""

    fact: StatementFact
    match: Match | None
    title: str
    file: ScannedFile | None

    @property
    def state(self) -> str:
        """Return the label of the state that it states."""
        state = self.fact.state
        return str(MatchState(state).label) if state in MatchState.values else state


def fact_rows(facts: Sequence[StatementFact]) -> Iterator[FactRow]:
    """Yield the facts of which the viewer may see everything."""
    matches = matches_by_any_uid({fact.match for fact in facts})
    recordings = dict(
        Recording.objects.filter(uid__in={fact.recording for fact in facts}).values_list(
            "uid", "title"
        )
    )
    uids = {fact.file for fact in facts} - {""}
    files = {str(file.uid): file for file in ScannedFile.objects.filter(uid__in=uids)}
    sees_all = sees_everything()
    for fact in facts:
        if sees_all or _is_seen(fact, matches, recordings, files):
            yield FactRow(
                fact=fact,
                match=matches.get(fact.match),
                title=recordings.get(fact.recording, ""),
                file=files.get(fact.file),
            )


def _is_seen(
    fact: StatementFact,
    matches: Collection[str],
    recordings: Collection[str],
    files: Collection[str],
) -> bool:
    return (
        (not fact.match or fact.match in matches)
        and (not fact.recording or fact.recording in recordings)
        and (not fact.file or fact.file in files)
    )


def matches_by_any_uid(uids: Collection[str]) -> Mapping[str, Match]:
    """Return the matches that the viewer may see, by any of their uids."""
    former = MatchAlias.objects.filter(uid__in=uids).select_related("match")
    return {match.uid: match for match in Match.objects.filter(uid__in=uids)} | {
        alias.uid: alias.match for alias in former
    }

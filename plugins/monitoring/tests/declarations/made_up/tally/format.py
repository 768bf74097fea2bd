"""A format that no society has: one line for each recording, with its number of plays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from plugins.monitoring.declarations.facts import DeclarationFacts
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.base import (
    MissingValue,
    ValueSubject,
    WrittenDeclaration,
)
from plugins.monitoring.declarations.formats.checks import refuse_gaps


class Tally:
    """Counts the plays of each recording; titles are mandatory."""

    key = "tally"
    version = "1"
    media_type = "text/plain"
    label = "Tally of the Isle"

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        for recording in facts.recordings:
            if not recording.title:
                why = "The recording has no title."
                yield MissingValue(ValueSubject.RECORDING, recording.uid, "title", why)

    def file_name(self, facts: DeclarationFacts) -> str:
        return f"tally_{facts.begins}.txt"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        refuse_gaps(self, facts)
        plays = Counter(play.recording for play in facts.plays)
        for recording in facts.recordings:
            target.write(f"{plays[recording.uid]} {recording.title}\n".encode())
        played_ms = sum(play.played_ms for play in facts.plays)
        return WrittenDeclaration(plays.total(), played_ms, len(plays), len(plays))


registry.register_plain(Tally(), "Rows are recordings with the number of their plays.")

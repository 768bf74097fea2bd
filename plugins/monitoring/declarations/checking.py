"""What a declaration lacks before it may be written, and what people should know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plugins.monitoring.declarations.facts import DeclarationFacts
from plugins.monitoring.declarations.formats.base import (
    DeclarationFormat,
    MissingValue,
    ValueSubject,
)
from plugins.monitoring.declarations.formats.registry import make_format
from plugins.monitoring.declarations.gathering import DECLARED, Gathered, gather
from plugins.monitoring.declarations.inconsistencies import Doubt, DoubtKind
from plugins.monitoring.declarations.left_out import LeftOut, LeftOutList
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.declarations.selectors import standing
from review.choices import MatchState
from review.models import Match

SHOWN_GAPS = 500
_OF_PLAYS = (ValueSubject.PLAY, ValueSubject.BROADCAST, ValueSubject.AUDIENCE, ValueSubject.EPISODE)
"""So many gaps are kept with a declaration; all of them count."""
MOST_MATCHES = 20_000
"""With more matches a page cannot wait for a check; the run checks them."""


@dataclass(frozen=True, slots=True)
class FoundGap:
    """A gap with the record in which it is closed.

    ``uid`` is that of a match, recording, station or file, or of the profile. ``name``
    is what people call the record, and ``plays`` how many plays lack the cell for it.
    """

    subject: str
    uid: str
    name: str
    cell: str
    why: str
    plays: int = 1


@dataclass(frozen=True, slots=True)
class GapGroup:
    """The gaps of one cell of one kind of record."""

    subject: str
    cell: str
    why: str
    gaps: Sequence[FoundGap]


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check; nothing was written."""

    gathered: Gathered
    gaps: Sequence[FoundGap]
    left_out: LeftOutList
    warnings: Sequence[str]

    @property
    def groups(self) -> list[GapGroup]:
        """Return the gaps by kind of record and cell."""
        return grouped(self.gaps)

    @property
    def played_ms(self) -> int:
        """Return how long the declared plays sound together."""
        return sum(play.played_ms for play in self.gathered.facts.plays)


def check(declaration: Declaration) -> Checked:
    """Check an unsaved declaration: what would it say, and what does it lack?"""
    left_out = LeftOutList()
    gathered = gather(declaration, left_out=left_out.take)
    made = make_format(declaration.format, declaration.profile.options)
    return Checked(
        gathered,
        found_gaps(made, gathered.facts, declaration.profile),
        left_out,
        warnings_of(declaration, gathered, left_out),
    )


def is_too_large(declaration: Declaration) -> bool:
    """Tell whether the stations have more matches than a page can check."""
    stations = declaration.stations
    aired = Q(scanned_file__stream_hour__stream__station__in=stations) & Q(
        scanned_file__stream_hour__starts_at__date__range=(declaration.begins, declaration.ends)
    )
    broadcast = Q(scanned_file__broadcasts__station__in=stations) & Q(
        scanned_file__broadcasts__starts_at__date__range=(declaration.begins, declaration.ends)
    )
    rows = Match.objects.filter(state__in=DECLARED)
    counted = rows.filter(aired).count() + rows.filter(broadcast).count()
    return counted > MOST_MATCHES


def found_gaps(
    made: DeclarationFormat, facts: DeclarationFacts, profile: DeclarationProfile
) -> list[FoundGap]:
    """Return the gaps that a format finds, once per cell and record to be changed."""
    gaps = list(made.gaps(facts))
    named = {gap.uid for gap in gaps if gap.subject in _OF_PLAYS}
    plays = {play.uid: play for play in facts.plays if play.uid in named}
    recordings = {recording.uid: recording for recording in facts.recordings}
    stations = {station.uid: station.name for station in facts.stations}
    merged_gaps: dict[tuple[str, str, str, str], FoundGap] = {}
    for gap in gaps:
        uid, name, subject = gap.uid, "", gap.subject
        if gap.subject in _OF_PLAYS:
            play = plays[gap.uid]
            uid = play.match if gap.subject == ValueSubject.PLAY else play.file
            name = (
                recordings[play.recording].title
                if gap.subject == ValueSubject.PLAY
                else f"{stations[play.station]}, {play.broadcast_starts_at:%Y-%m-%d %H:%M}"
            )
            if subject == ValueSubject.AUDIENCE and play.broadcast != play.file:
                subject = ValueSubject.BROADCAST
            elif subject == ValueSubject.AUDIENCE:
                # Hours of streams are no broadcasts: their station has the listeners.
                day = f"{play.starts_at:%Y-%m-%d}"
                uid, name = f"{play.station}/{day}", f"{stations[play.station]}, {day}"
        elif gap.subject == ValueSubject.RECORDING:
            name = recordings[uid].title
        elif gap.subject in (ValueSubject.STATION, ValueSubject.FIGURES):
            name = stations.get(uid, "")
        else:
            uid, name = profile.uid, profile.name
        _add(merged_gaps, replace(gap, subject=subject), uid, name or uid)
    return list(merged_gaps.values())


def _add(
    merged_gaps: dict[tuple[str, str, str, str], FoundGap], gap: MissingValue, uid: str, name: str
) -> None:
    key = (gap.subject.value, uid, gap.cell, gap.why)
    earlier_gap = merged_gaps.get(key)
    merged_gaps[key] = FoundGap(
        gap.subject.value,
        uid,
        name,
        gap.cell,
        gap.why,
        earlier_gap.plays + 1 if earlier_gap is not None else 1,
    )


def grouped(gaps: Iterable[FoundGap]) -> list[GapGroup]:
    """Return gaps by kind of record and cell, in the order of their first."""
    groups: dict[tuple[str, str, str], list[FoundGap]] = {}
    for gap in gaps:
        groups.setdefault((gap.subject, gap.cell, gap.why), []).append(gap)
    return [GapGroup(*key, members) for key, members in groups.items()]


def as_json(gaps: Sequence[FoundGap]) -> list[dict[str, object]]:
    """Return the first gaps as a declaration keeps them."""
    return [asdict(gap) for gap in gaps[:SHOWN_GAPS]]


def kept_gaps(declaration: Declaration) -> list[GapGroup]:
    """Return the gaps that stopped a declaration, in groups."""
    return grouped(FoundGap(**gap) for gap in declaration.gaps)


def kept_doubts(declaration: Declaration) -> list[Doubt]:
    """Return the first doubts that there were when a declaration was written."""
    return [
        Doubt(DoubtKind(doubt["kind"]), doubt["uid"], doubt["text"])
        for doubt in declaration.counts.get("doubts", ())
    ]


def declared_before(declaration: Declaration) -> list[Declaration]:
    """Return declarations of the same profile with days of the same period.

    Those that another one corrects do not count, nor does the one to be corrected. A
    declaration is corrected once: then the correction is.
    """
    rows = standing()
    same_days = Q(
        profile=declaration.profile, begins__lte=declaration.ends, ends__gte=declaration.begins
    )
    before = rows.filter(same_days).exclude(corrections__in=rows)
    if declaration.replaces_id is not None:
        before = before.exclude(pk=declaration.replaces_id)
        before |= rows.filter(replaces=declaration.replaces_id)
    return list(before.order_by("begins", "pk").distinct())


def warnings_of(declaration: Declaration, gathered: Gathered, left_out: LeftOutList) -> list[str]:
    """Return what people should know before they declare, a sentence each."""
    facts = gathered.facts
    warnings = [
        _("%(station)s broadcast nothing in this period, as far as the portal knows.")
        % {"station": station.name}
        for station in facts.stations
        if not gathered.airings[station.uid]
    ]
    disputed = sum(play.state == MatchState.DISPUTED for play in facts.plays)
    if disputed:
        warnings.append(
            ngettext(
                "%(count)d declared play is disputed.",
                "%(count)d declared plays are disputed.",
                disputed,
            )
            % {"count": disputed}
        )
    undecided = left_out.counts[LeftOut.UNDECIDED]
    if undecided:
        warnings.append(
            ngettext(
                "%(count)d play is not declared, because nobody has decided its match.",
                "%(count)d plays are not declared, because nobody has decided their matches.",
                undecided,
            )
            % {"count": undecided}
        )
    if declaration.ends >= declaration.message_at.date():
        warnings.append(_("The period has not ended yet."))
    return warnings


def doubts_as_json(doubts: Sequence[Doubt]) -> list[dict[str, object]]:
    """Return the first doubts as a declaration keeps them."""
    return [asdict(doubt) for doubt in doubts[:SHOWN_GAPS]]

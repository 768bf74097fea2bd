"""Divides a file into pieces, so that each moment is of one kind. Changes no rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from review.counting import is_mostly_speech
from review.models import Match

_HUNDREDTH = Decimal("0.01")
_WHOLE = 10_000
"""A whole file in hundredths of a percent."""


class Kind(TextChoices):
    """What is heard in a piece of a file; where several apply, the first counts."""

    CONFIRMED = "confirmed", _("Confirmed")
    UPHELD = "upheld", _("Upheld")
    DISPUTED = "disputed", _("Disputed")
    CLEARED = "cleared", _("Cleared")
    RELEASED = "released", _("Released")
    PUBLIC_DOMAIN = "public_domain", _("Public domain")
    PENDING = "pending", _("Pending")
    ENTERED = "entered", _("Entered")
    NO_MUSIC = "no_music", _("No music")
    EXCLUDED = "excluded", _("Excluded, not counted")
    ITEM = "unknown_item", _("Unknown sound that repeats")
    SUPPRESSED = "suppressed", _("Suppressed")
    REJECTED = "rejected", _("Rejected")
    UNKNOWN = "unknown", _("No match")
    SPEECH = "speech", _("Speech")
    SILENCE = "silence", _("Silence")
    NOT_SCANNED = "not_scanned", _("Not scanned")
    NOT_DECODED = "not_decoded", _("Not decoded")
    UNDESCRIBED = "undescribed", _("No match, not described")


CLAIMED: Final = (*(Kind.CONFIRMED, Kind.UPHELD, Kind.DISPUTED), *(Kind.CLEARED, Kind.RELEASED))
MATCHED: Final = (*CLAIMED, Kind.PUBLIC_DOMAIN, Kind.PENDING)
"""The kinds in which a recording is heard that a match names, and counts."""
NOT_CLAIMED: Final = (Kind.SUPPRESSED, Kind.REJECTED)
_WITH_MATCHES = (*MATCHED, Kind.EXCLUDED, *NOT_CLAIMED)
_ORDER = {kind: number for number, kind in enumerate(Kind)}
_OF_REPORTED = {"no_match": Kind.UNKNOWN, "silence": Kind.SILENCE, "not_scanned": Kind.NOT_SCANNED}


def kind_of(match: Match) -> Kind:
    """Return the kind of the time in which a match counts."""
    if match.state in NOT_CLAIMED:
        return Kind.PUBLIC_DOMAIN if match.is_heard else Kind(match.state)
    return Kind(match.state) if match.state in CLAIMED else Kind.PENDING


@dataclass(frozen=True, slots=True)
class Occurs:
    """Unknown sound that repeats, where it occurs in the file."""

    start_ms: int
    end_ms: int
    uid: str
    label: str
    url: str
    """The address of its page."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What a person hears in an interval; ``kind`` is entered, unknown or no music."""

    start_ms: int
    end_ms: int
    uid: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval of a file and what is heard in it.

    ``matches`` are all that the kind rests on: two recordings that sound together are
    one piece. ``item`` is the unknown sound, ``entry`` the uid of what a person entered.
    """

    start_ms: int
    end_ms: int
    kind: Kind
    matches: Sequence[Match] = ()
    item: Occurs | None = None
    entry: str = ""
    speech_pct: float | None = None

    @property
    def length_ms(self) -> int:
        """Return the length in milliseconds."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Heard:
    """What one file holds, before it is divided.

    ``hidden`` are matches that the viewer may not see: their time is unknown to him.
    ``reported`` are the unmatched intervals of a scan.
    """

    matches: Sequence[Match] = ()
    hidden: Sequence[Match] = ()
    entered: Sequence[Entered] = ()
    items: Sequence[Occurs] = ()
    reported: Sequence[Mapping[str, Any]] = ()  # Any: JSON of a scan


@dataclass(frozen=True)
class Timeline:
    """A file from its start to its end; each moment is in one piece.

    ``matches`` are those that the viewer may see, with their segments, in file order.
    """

    length_ms: int
    decoded_ms: int
    pieces: Sequence[Piece]
    matches: Sequence[Match] = field(default=())

    def __post_init__(self) -> None:
        at_ms = 0
        for piece in self.pieces:
            if piece.start_ms != at_ms or piece.end_ms <= at_ms:
                raise ValueError(f"the pieces of a file break off at {at_ms} ms")
            at_ms = piece.end_ms
        if at_ms != self.length_ms:
            raise ValueError(f"the pieces end at {at_ms}, the file at {self.length_ms}")

    def of(self, *kinds: Kind) -> Iterator[Piece]:
        """Yield the pieces of these kinds, in order."""
        return (piece for piece in self.pieces if piece.kind in kinds)

    def ms(self, *kinds: Kind) -> int:
        """Return how long these kinds are together."""
        return sum(self.by_kind.get(kind, 0) for kind in kinds)

    @property
    def matched_ms(self) -> int:
        """Return how long matches name a recording; a moment with several counts once."""
        return self.ms(*MATCHED)

    @property
    def overlap_ms(self) -> int:
        """Return what the matches count one by one beyond ``matched_ms``."""
        alone = sum(match.tally.ms for match in self.matches if match.is_heard)
        return alone - self.matched_ms

    def ms_of(self, matches: Collection[int]) -> int:
        """Return how long matches with these keys name a recording together."""
        return sum(
            piece.length_ms
            for piece in self.of(*MATCHED)
            if any(match.pk in matches for match in piece.matches)
        )

    def pct(self, *kinds: Kind) -> Decimal:
        """Return the share of these kinds; the shares of all are exactly 100.00."""
        return sum((self.shares.get(kind, Decimal(0)) for kind in kinds), Decimal(0))

    @cached_property
    def by_kind(self) -> dict[Kind, int]:
        """Return the length of each kind that occurs, in the order of ``Kind``."""
        lengths = dict.fromkeys(Kind, 0)
        for piece in self.pieces:
            lengths[piece.kind] += piece.length_ms
        return {kind: length for kind, length in lengths.items() if length}

    @cached_property
    def shares(self) -> dict[Kind, Decimal]:
        """Return the share of each kind that occurs."""
        return shares_of(self.by_kind)


NO_TIMELINE: Final = Timeline(0, 0, ())


def share(part_ms: int, length_ms: int) -> Decimal | None:
    """Return the share of a file in percent; None while its length is unknown.

    All shares of files are computed here: the whole file is their denominator.
    """
    if not length_ms:
        return None
    whole = Decimal(100 * min(part_ms, length_ms)) / length_ms
    return whole.quantize(_HUNDREDTH)


def shares_of(by_kind: Mapping[Kind, int]) -> dict[Kind, Decimal]:
    """Return the shares of a whole file by kind, 100.00 together.

    What is matched is rounded as one share, so that it equals that of a single match;
    the largest remainders get what is left of it, and of the rest.
    """
    whole_ms = sum(by_kind.values())
    matched: dict[Kind, int] = {}
    remaining: dict[Kind, int] = {}
    for kind, ms in by_kind.items():
        (matched if kind in MATCHED else remaining)[kind] = ms
    of_matched = share(sum(matched.values()), whole_ms)
    if of_matched is None:
        return {}
    top = int(of_matched * 100)
    parts = _apportioned(matched, top, whole_ms)
    parts |= _apportioned(remaining, _WHOLE - top, whole_ms)
    return {kind: Decimal(parts[kind]) / 100 for kind in by_kind}


def _apportioned(by_kind: Mapping[Kind, int], total: int, whole_ms: int) -> dict[Kind, int]:
    """Return hundredths of a percent that are ``total`` together."""
    parts = {kind: _WHOLE * ms // whole_ms for kind, ms in by_kind.items()}
    remaining = total - sum(parts.values())
    largest = sorted(by_kind, key=lambda kind: (-(_WHOLE * by_kind[kind] % whole_ms), _ORDER[kind]))
    for kind in largest[:remaining]:
        parts[kind] += 1
    return parts


def divide(*, length_ms: int, undecoded_ms: int, heard: Heard) -> Timeline:
    """Divide a file; a length of 0 is unknown, and then what is heard reaches its end."""
    layers = list(_layers(heard))
    if not length_ms:
        length_ms = max((layer.end_ms for layer in layers), default=0)
    decoded_ms = length_ms - undecoded_ms
    layers.insert(0, Piece(0, length_ms, Kind.UNDESCRIBED))
    if undecoded_ms:
        layers.append(Piece(decoded_ms, length_ms, Kind.NOT_DECODED))
    pieces = list(_first_of_each_moment(layers, length_ms))
    return Timeline(length_ms, decoded_ms, pieces, heard.matches)


def _layers(heard: Heard) -> Iterator[Piece]:
    for match in heard.matches:
        yield from _of_match(match)
    for match in heard.hidden:
        for start, end in match.tally.heard:
            yield Piece(start, end, Kind.UNKNOWN)
    for entry in heard.entered:
        yield Piece(entry.start_ms, entry.end_ms, entry.kind, entry=entry.uid)
    for item in heard.items:
        yield Piece(item.start_ms, item.end_ms, Kind.ITEM, item=item)
    for interval in heard.reported:
        kind, speech = _OF_REPORTED[interval["kind"]], interval.get("speech_pct")
        if kind == Kind.UNKNOWN and is_mostly_speech(speech):
            kind = Kind.SPEECH
        yield Piece(interval["start_ms"], interval["end_ms"], kind, speech_pct=speech)


def _of_match(match: Match) -> Iterator[Piece]:
    kind, count = kind_of(match), match.tally
    if kind in NOT_CLAIMED:
        for start, end in count.heard:
            yield Piece(start, end, kind, [match])
        return
    for start, end in count.counted:
        yield Piece(start, end, kind, [match])
    for start, end in count.excluded:
        yield Piece(start, end, Kind.EXCLUDED, [match])


def _first_of_each_moment(layers: Sequence[Piece], length_ms: int) -> Iterator[Piece]:
    """Yield disjoint pieces: of the layers over each moment, the first in ``Kind``."""
    begins = sorted(layers, key=lambda layer: layer.start_ms)
    edges = {0, length_ms}
    for layer in layers:
        edges |= {layer.start_ms, layer.end_ms}
    bounds = sorted(edge for edge in edges if 0 <= edge <= length_ms)
    over: list[Piece] = []
    at, last = 0, None
    for start, end in pairwise(bounds):
        while at < len(begins) and begins[at].start_ms <= start:
            over.append(begins[at])
            at += 1
        over = [layer for layer in over if layer.end_ms > start]
        top = min(over, key=lambda layer: (_ORDER[layer.kind], not layer.entry))
        piece = replace(top, start_ms=start, end_ms=end, matches=_named(over, top.kind))
        if last is not None and replace(last, start_ms=start, end_ms=end) == piece:
            last = replace(last, end_ms=end)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _named(over: Iterable[Piece], kind: Kind) -> list[Match]:
    """Return the matches of a moment: all that count, or all that do not."""
    if kind not in _WITH_MATCHES:
        return []
    alike = next((group for group in (MATCHED, NOT_CLAIMED) if kind in group), (kind,))
    named = [match for layer in over if layer.kind in alike for match in layer.matches]
    return sorted(set(named), key=lambda match: match.pk)

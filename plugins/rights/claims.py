"""What a message says of rights, in terms of no format; importers build these.

A key names a party, work or recording within one message. Codes come as the message
has them: ``services.apply_claims`` checks and normalises them. Territories are ISO
alpha-2 codes or TIS numbers, "2136" is the world; none included means the world too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyClaim:
    """A writer, publisher, label or other holder of rights."""

    key: str
    name: str
    first_name: str = ""
    ipi_name: str = ""
    ipi_base: str = ""
    isni: str = ""
    ipn: str = ""
    dpid: str = ""
    society: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleClaim:
    """A further title of a work; ``kind`` is a ``choices.TitleKind``."""

    text: str
    kind: str
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareClaim:
    """A share of a party, in percent; None is a share of unknown size.

    ``right`` is a ``choices.Right``, ``kind`` a ``choices.ShareKind``; ``party`` and
    ``controlled_by``, which collects for the party, are keys of parties.
    """

    party: str
    role: str
    right: str
    kind: str
    percent: Decimal | None = None
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    controlled_by: str | None = ""
    agreement: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkClaim:
    """A musical work; ``recordings`` are keys of recordings of the same message."""

    key: str
    title: str
    iswc: str = ""
    submitter_id: str = ""
    category: str = ""
    version: str = ""
    titles: tuple[TitleClaim, ...] = ()
    shares: tuple[ShareClaim, ...] = ()
    recordings: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingClaim:
    """A recording; ``works`` are keys of works of the same message."""

    key: str
    isrc: str = ""
    title: str = ""
    version_title: str = ""
    artists: tuple[str, ...] = ()
    duration_ms: int | None = None
    label: str = ""
    shares: tuple[ShareClaim, ...] = ()
    works: tuple[str, ...] = ()
    p_line: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseClaim:
    """A release; ``tracks`` are keys of recordings of the same message, in order."""

    key: str
    title: str
    upc: str = ""
    grid: str = ""
    catalogue_number: str = ""
    label: str = ""
    label_code: str = ""
    p_line: str = ""
    c_line: str = ""
    released: date | None = None
    tracks: tuple[str, ...] = ()
    artists: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsMessage:
    """A message, or a part of one that holds every party and recording it refers to.

    ``services.apply_claims`` keeps one message in memory and in one transaction, so a
    long file comes as several: some hundred works each, never half a work.
    """

    format: str
    version: str = ""
    sender: str = ""
    message_id: str = ""
    created: datetime | None = None
    parties: Iterable[PartyClaim] = ()
    works: Iterable[WorkClaim] = ()
    recordings: Iterable[RecordingClaim] = ()
    releases: Iterable[ReleaseClaim] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFault:
    """What is wrong with a value of a message, and what would be right.

    A record with a fault stays out, unless ``is_warning``: then only the value does.
    """

    line: int | None
    field: str
    value: str
    rule: str
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRecord:
    """A record of a claim: its kind, the claim's key, its id, and what changed.

    ``changes`` holds the new values of a record that was made or changed.
    """

    kind: str
    key: str
    uid: str
    name: str
    is_new: bool
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How many records a message made, changed and left as they were; and which."""

    created: int
    changed: int
    unchanged: int
    faults: tuple[ClaimFault, ...]
    records: tuple[AppliedRecord, ...] = ()
    conflicts: frozenset[tuple[str, str, str]] = frozenset()
    """Of a dry run: record, kind and right of each conflict that it would open."""
    recordings: frozenset[str] = frozenset()
    """Of a dry run: the uids of our recordings whose rights or codes would change."""

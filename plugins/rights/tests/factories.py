"""Claims of a fictional publisher, and what they make."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from catalogue.owners.choices import Right, ShareKind
from plugins.rights.claims import (
    Applied,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    ShareClaim,
    WorkClaim,
)
from plugins.rights.services import apply_claims

ISRC = "QZAA02600001"
ISWC = "T9000000011"
WRITER = PartyClaim(key="W1", name="Muster", first_name="Anna", ipi_name="00000815140")
PUBLISHER = PartyClaim(key="P1", name="Example Music", ipi_name="00000471148")
LABEL = PartyClaim(key="L1", name="Harbour Lights")


def share(party: str, percent: str | None = "50", **options: Any) -> ShareClaim:  # Any: any field
    """Return a share of the performing right that a party owns everywhere."""
    values: dict[str, Any] = {
        "party": party,
        "role": "CA" if party.startswith("W") else "E",
        "right": Right.PERFORMING,
        "kind": ShareKind.OWNERSHIP,
        "percent": None if percent is None else Decimal(percent),
        "line": 9,
    } | options
    return ShareClaim(**values)


def master(party: str, percent: str = "100", **options: Any) -> ShareClaim:  # Any: as above
    """Return a share of a recording."""
    return share(party, percent, right=Right.MASTER, role="RightsController", **options)


def work(**options: Any) -> WorkClaim:  # Any: as above
    """Return a work of a writer and a publisher, who have half each."""
    values: dict[str, Any] = {
        "key": "1",
        "title": "Blue Lantern",
        "iswc": ISWC,
        "submitter_id": "EX0001",
        "shares": (share("W1"), share("P1")),
        "recordings": ("R1",),
        "line": 3,
    } | options
    return WorkClaim(**values)


def recording(**options: Any) -> RecordingClaim:  # Any: as above
    """Return a recording of a label."""
    values: dict[str, Any] = {
        "key": "R1",
        "isrc": ISRC,
        "title": "Blue Lantern",
        "artists": ("The Ferrymen",),
        "duration_ms": 192_000,
        "label": "Harbour Lights",
        "shares": (master("L1"),),
        "line": 9,
    } | options
    return RecordingClaim(**values)


def release(**options: Any) -> ReleaseClaim:  # Any: as above
    """Return a release with one track."""
    values: dict[str, Any] = {
        "key": "A1",
        "title": "Night Pier",
        "upc": "2000000000015",
        "label": "Harbour Lights",
        "label_code": "LC00001",
        "catalogue_number": "NP001",
        "tracks": ("R1",),
        "line": 12,
    } | options
    return ReleaseClaim(**values)


def claim(
    *,
    sender: str = "Example Music",
    parties: Sequence[PartyClaim] = (WRITER, PUBLISHER, LABEL),
    works: Sequence[WorkClaim] = (),
    recordings: Sequence[RecordingClaim] = (),
    releases: Sequence[ReleaseClaim] = (),
    dry_run: bool = False,
) -> Applied:
    """Apply a message of a sender."""
    message = RightsMessage(
        format="CWR",
        version="2.2",
        sender=sender,
        message_id="1",
        parties=parties,
        works=works,
        recordings=recordings,
        releases=releases,
    )
    return apply_claims(message=message, source="import i_1", actor=None, dry_run=dry_run)


def claim_all(**options: Any) -> Applied:  # Any: as above
    """Apply a message with a work, its recording and its release."""
    values: dict[str, Any] = {
        "works": [work()],
        "recordings": [recording()],
        "releases": [release()],
    } | options
    return claim(**values)

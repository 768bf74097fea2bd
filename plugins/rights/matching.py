"""Finds the record that a claim is about, if there is one.

Codes come first. A party without any code is the one of the same name if there is just
one; a work with a known ISWC is that work, unless its writers are all others: then both
stay, and the conflict shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Final

from django.db.models import Q

from catalogue.owners.choices import WRITER_ROLES
from catalogue.owners.models import Party, Release, RightsRecording, Share, Work, WorkNumber
from catalogue.owners.texts import folded
from plugins.rights.claims import RecordingClaim

# In the order in which they decide.
PARTY_CODES = ("ipi_name", "isni", "ipn", "dpid", "ipi_base")
# What makes two shares the same claim.
_SHARE_VALUES: Final = (
    "party_id",
    "role",
    "right",
    "kind",
    "percent",
    "included",
    "excluded",
    "valid_from",
    "valid_until",
    "controlled_by_id",
    "agreement",
)


def find_party(*, name: str, codes: Mapping[str, str]) -> Party | None:
    """Return the party with one of these codes, or else with this name."""
    for field in PARTY_CODES:
        if code := codes.get(field, ""):
            party = Party.objects.filter(**{field: code}).order_by("pk").first()
            if party is not None:
                return party.stands_for_it
    named = Party.objects.filter(name_key=folded(name), merged_into=None)
    candidates = list(named.order_by("pk")[:10])
    bare = [
        party for party in candidates if not any(getattr(party, field) for field in PARTY_CODES)
    ]
    if any(codes.values()):
        # A code is added to a name only if it can be nobody else's.
        return bare[0] if len(candidates) == 1 and bare else None
    if len(candidates) == 1:
        return candidates[0]
    return bare[0] if bare else None


def find_work(
    *, claimant: str, number: str, iswc: str, title: str, writers: Collection[int]
) -> Work | None:
    """Return the work that a claimant means, by its number or by its ISWC.

    ``writers`` are the keys of the claim's writers. Without number and ISWC, it is the
    work of the same title of which the same writers are known.
    """
    if number:
        numbers = WorkNumber.objects.filter(claimant=claimant, number=number)
        if (row := numbers.select_related("work").first()) is not None:
            return row.work.stands_for_it
    if iswc:
        for work in Work.objects.filter(iswc=iswc).order_by("pk"):
            theirs = writers_of(work.stands_for_it)
            if not theirs or not writers or theirs & set(writers):
                return work.stands_for_it
        return None
    if number:
        return None
    for work in Work.objects.filter(title_key=folded(title), merged_into=None).order_by("pk")[:50]:
        if writers_of(work) == set(writers):
            return work
    return None


def writers_of(work: Work) -> set[int]:
    """Return the keys of the parties that wrote a work, as far as shares say so."""
    rows = Share.objects.filter(work=work, role__in=WRITER_ROLES, withdrawn_at__isnull=True)
    return set(rows.values_list("party", flat=True))


def find_recording(*, isrc: str, match_key: str) -> RightsRecording | None:
    """Return the recording with an ISRC, or with the digest of its known facts."""
    if isrc:
        return RightsRecording.objects.filter(isrc=isrc).first()
    return RightsRecording.objects.filter(match_key=match_key).first()


def match_key_of(claim: RecordingClaim, claimant: str) -> str:
    """Return the digest by which a recording without an ISRC is found again."""
    artists = [folded(artist) for artist in claim.artists]
    parts = [claimant, folded(claim.title), folded(claim.version_title), artists]
    text = json.dumps([*parts, claim.duration_ms])
    return hashlib.sha256(text.encode()).hexdigest()


def find_release(*, grid: str, upc: str, label: str, catalogue_number: str) -> Release | None:
    """Return the release with a GRid, a UPC, or a label's catalogue number."""
    ways = []
    if grid:
        ways.append(Q(grid=grid))
    if upc:
        ways.append(Q(upc=upc))
    if label and catalogue_number:
        ways.append(Q(label__iexact=label, catalogue_number__iexact=catalogue_number))
    for way in ways:
        if (release := Release.objects.filter(way).order_by("pk").first()) is not None:
            return release
    return None


def share_values(share: Share) -> tuple[object, ...]:
    """Return what makes two shares the same claim."""
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for value in (getattr(share, name) for name in _SHARE_VALUES)
    )

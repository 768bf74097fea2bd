"""Find colliding identifiers: one recording with several, or one on several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Count

from catalogue.models import CodeStatus, Recording, RecordingStatus
from dedup import selectors
from dedup.models import (
    DedupGroup,
    DedupMember,
    DuplicateKind,
    GroupKind,
    LoopState,
    PairLink,
    SharedLoop,
)

_CODES = {"isrc_normalised": "isrc", "upc": "upc", "iswc": "iswc"}
"""Columns with an identifier, and its name."""


@dataclass(frozen=True, slots=True)
class CollisionMember:
    """One recording's part in a finding.

    ``collides`` names the identifiers that cannot all be right: ``isrc`` if one sound
    has several, or if several sounds share one.
    """

    kind: str
    uid: str
    recording: Recording
    canonical: bool
    relation: str
    linked_to: str
    shared_pct: float | None
    collides: tuple[str, ...]
    interval: tuple[int, int] | None = None


def findings() -> Iterator[CollisionMember]:
    """Yield everything open: groups, families, pairs, loops, shared ISRCs."""
    for kind in GroupKind:
        for group in DedupGroup.objects.filter(kind=kind).order_by("pk").iterator():
            yield from _of_group(group)
    # Two rows per pair, one for each recording.
    for link in selectors.open_pairs().order_by("pk"):
        for recording, partner, share in (
            (link.one, link.other, link.coverage_one),
            (link.other, link.one, link.coverage_other),
        ):
            yield CollisionMember(
                "pair",
                link.uid,
                recording,
                canonical=False,
                relation=link.kind,
                linked_to=partner.uid,
                shared_pct=100 * share,
                collides=_shared_codes(recording, partner)
                if link.kind == DuplicateKind.OVERLAP
                else (),
            )
    for loop in SharedLoop.objects.filter(state=LoopState.OPEN).order_by("pk"):
        for place in loop.places.select_related("recording__bucket"):
            yield CollisionMember(
                "shared_loop",
                loop.uid,
                place.recording,
                canonical=False,
                relation=DuplicateKind.SHARED_LOOP,
                linked_to="",
                shared_pct=None,
                collides=(),
                interval=(place.start_ms, place.end_ms),
            )
    yield from _codes_on_several()


def differing_codes(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Return the kinds of identifier that differ between recordings of one sound."""
    return tuple(
        name
        for column, name in _CODES.items()
        if len({getattr(recording, column) for recording in recordings} - {""}) > 1
    )


def _of_group(group: DedupGroup) -> Iterator[CollisionMember]:
    places = list(group.members.select_related("recording__bucket", "linked_to"))
    recordings = [place.recording for place in places]
    is_one = group.kind == GroupKind.SAME_SOUND
    collides = differing_codes(recordings) if is_one else ()
    pks = [recording.pk for recording in recordings]
    shares: dict[tuple[int, int], float] = {}
    for link in PairLink.objects.filter(one__in=pks, other__in=pks):
        if link.runs:
            shares[link.one_id, link.other_id] = 100 * link.coverage_one
            shares[link.other_id, link.one_id] = 100 * link.coverage_other
    for place in places:
        linked = place.linked_to
        key = (place.recording_id, linked.pk if linked else 0)
        yield CollisionMember(
            group.kind,
            group.uid,
            place.recording,
            canonical=place.canonical,
            relation=place.kind,
            linked_to=linked.uid if linked else "",
            shared_pct=shares.get(key),
            collides=collides,
        )


def _shared_codes(first: Recording, second: Recording) -> tuple[str, ...]:
    """Return the codes that two different recordings share."""
    code = first.isrc_normalised
    return ("isrc",) if code and code == second.isrc_normalised else ()


def _codes_on_several() -> Iterator[CollisionMember]:
    """Yield recordings whose ISRC also belongs to a different sound."""
    rows = Recording.objects.filter(status=RecordingStatus.READY).exclude(isrc_normalised="")
    rows = rows.exclude(isrc_status=CodeStatus.MALFORMED)
    twice = (
        rows.order_by()
        .values("isrc_normalised")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
        .values("isrc_normalised")
    )
    by_code: dict[str, list[Recording]] = {}
    for recording in rows.filter(isrc_normalised__in=twice).select_related("bucket").order_by("pk"):
        by_code.setdefault(recording.isrc_normalised, []).append(recording)
    group_of = dict(
        DedupMember.objects.filter(
            group__kind=GroupKind.SAME_SOUND, recording__isrc_normalised__in=list(by_code)
        ).values_list("recording_id", "group_id")
    )
    for code, recordings in sorted(by_code.items()):
        # A recording outside groups counts as a sound of its own; keys are positive, so
        # its negative is unique.
        sounds = Counter(group_of.get(recording.pk, -recording.pk) for recording in recordings)
        # One file in several buckets is one sound, too.
        files = {recording.audio_sha256 or recording.uid for recording in recordings}
        if len(sounds) < 2 or len(files) == 1:
            continue
        for recording in recordings:
            yield CollisionMember(
                "isrc_on_several",
                code,
                recording,
                canonical=False,
                relation="",
                linked_to="",
                shared_pct=None,
                collides=("isrc",),
            )

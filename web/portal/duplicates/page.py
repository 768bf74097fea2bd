"""The context of the duplicates pages: the list, a group, many groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.reading import read_clock, read_number
from catalogue.models import CodeStatus, Recording, RecordingStatus
from dedup import grouping, merging, selectors
from dedup.models import (
    DedupGroup,
    DedupMember,
    DuplicateKind,
    GroupKind,
    LoopState,
    PairLink,
    SharedLoop,
)
from web.portal.duplicates.pair_page import ICONS, intervals_of, plot_of, quality_of, says_of
from web.portal.pictures import waveform
from web.portal.pictures.waveform import load_waveform
from web.portal.shared import formats, playback

PAGE_SIZE = 25
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of the list: a group, a pair or a loop."""

    uid: str
    kind: str
    label: str
    title: str
    sub: str
    count: str
    matches: int
    url: str

    @property
    def icon(self) -> str:
        """Return the icon of the kind."""
        return ICONS[self.kind]


@dataclass(frozen=True, slots=True)
class Step:
    """How times of a member follow those of the first one, so that both play in step.

    ``here_ms`` in the member sounds like ``first_ms`` in the first recording.
    """

    here_ms: int = 0
    first_ms: int = 0
    rate: str = "1"


@dataclass(frozen=True, slots=True)
class Shown:
    """A member of a group as the page draws it."""

    letter: str
    recording: Recording
    place: DedupMember
    wave: waveform.WavePaths | None
    audio_url: str
    quality: str
    matches: int
    shared: str
    link: PairLink | None
    step: Step


def list_keys(*, kind: str, bucket: int | None) -> list[Key]:
    """Return the keys of the open entries: groups, loops, pairs, each newest first."""
    places = DedupMember.objects.all()
    pairs = selectors.open_pairs()
    loops = SharedLoop.objects.filter(state=LoopState.OPEN)
    if bucket is not None:
        places = places.filter(recording__bucket=bucket)
        pairs = pairs.filter(one__bucket=bucket)
        loops = loops.filter(places__recording__bucket=bucket)
    groups = DedupGroup.objects.filter(pk__in=places.values("group"))
    if kind == "family":
        groups = groups.filter(kind=GroupKind.FAMILY)
    elif kind in {"exact_file", "same_audio"}:
        sound_groups = groups.filter(kind=GroupKind.SAME_SOUND)
        same_audio = DedupMember.objects.filter(kind=DuplicateKind.SAME_AUDIO)
        with_same_audio = same_audio.values("group")
        groups = (
            sound_groups.filter(pk__in=with_same_audio)
            if kind == "same_audio"
            else sound_groups.exclude(pk__in=with_same_audio)
        )
    keys: list[Key] = []
    if kind not in {"shared_loop", "overlap"}:
        order = groups.order_by("-kind", "-updated_at", "-pk")
        keys += [("group", pk) for pk in order.values_list("pk", flat=True)]
    if kind in {"", "shared_loop"}:
        keys += [("loop", pk) for pk in loops.distinct().values_list("pk", flat=True)]
    if kind in {"", "overlap", "exact_file"}:
        chosen_pairs = pairs.filter(kind=kind) if kind else pairs
        keys += [("pair", pk) for pk in chosen_pairs.values_list("pk", flat=True)]
    return keys


def items(keys: Iterable[Key]) -> list[ListEntry]:
    """Return the entries of the keys in their order; leave out those that are gone."""
    ordered_keys = list(keys)
    pks = {
        kind: [pk for key_kind, pk in ordered_keys if key_kind == kind]
        for kind in ("group", "pair", "loop")
    }
    groups = DedupGroup.objects.prefetch_related("members__recording").in_bulk(pks["group"])
    pairs = PairLink.objects.select_related("one", "other").in_bulk(pks["pair"])
    loops = SharedLoop.objects.prefetch_related("places__recording").in_bulk(pks["loop"])
    counts = selectors.matches_by_recording(
        {recording.pk for group in groups.values() for recording in recordings_of(group)}
        | {pk for pair in pairs.values() for pk in (pair.one_id, pair.other_id)}
        | {place.recording_id for loop in loops.values() for place in loop.places.all()}
    )
    entries = []
    for kind, pk in ordered_keys:
        if kind == "group" and pk in groups:
            entries.append(group_item(groups[pk], counts))
        elif kind == "pair" and pk in pairs:
            entries.append(pair_item(pairs[pk], counts))
        elif kind == "loop" and pk in loops:
            entries.append(loop_item(loops[pk], counts))
    return entries


def recordings_of(group: DedupGroup) -> list[Recording]:
    """Return a group's recordings, the canonical one first."""
    return [member.recording for member in group.members.all()]


def group_item(group: DedupGroup, counts: Mapping[int, int]) -> ListEntry:
    """Return the entry of a group."""
    members = list(group.members.all())
    recordings = recordings_of(group)
    kind, label = group_kind(group, members)
    first = recordings[0] if recordings else Recording()
    return ListEntry(
        uid=group.uid,
        kind=kind,
        label=label,
        title=first.full_title,
        sub=first.artist_names,
        count=ngettext("%(n)s recording", "%(n)s recordings", len(members)) % {"n": len(members)},
        matches=sum(counts.get(recording.pk, 0) for recording in recordings),
        url=reverse("portal:duplicate_group", args=[group.uid]),
    )


def group_kind(group: DedupGroup, members: Sequence[DedupMember]) -> tuple[str, str]:
    """Return the kind of a group and its label."""
    if group.kind == GroupKind.FAMILY:
        return "family", _("Version family")
    if all(not member.kind or member.kind == DuplicateKind.EXACT_FILE for member in members):
        return "exact_file", _("Same file")
    if any(member.bridge for member in members):
        return "same_audio", _("Same audio, bridge")
    return "same_audio", _("Same audio")


def pair_item(link: PairLink, counts: Mapping[int, int]) -> ListEntry:
    """Return the entry of a pair of recordings outside any group."""
    shared = sum(int(run[1] - run[0]) for run in link.runs)
    artists = (link.one.artist_names, link.other.artist_names)
    label = (
        _("Same file in two buckets")
        if link.kind == DuplicateKind.EXACT_FILE
        else _("Overlap, %(length)s") % {"length": length(shared)}
    )
    return ListEntry(
        uid=link.uid,
        kind=link.kind,
        label=label,
        title=f"{link.one.full_title} · {link.other.full_title}",
        sub=", ".join(dict.fromkeys(filter(None, artists))),
        count=_("link"),
        matches=counts.get(link.one_id, 0) + counts.get(link.other_id, 0),
        url=reverse("portal:duplicate_pair", args=[link.uid]),
    )


def loop_item(loop: SharedLoop, counts: Mapping[int, int]) -> ListEntry:
    """Return the entry of a shared loop."""
    recordings = {place.recording_id: place.recording for place in loop.places.all()}
    artists = {recording.artist_names for recording in recordings.values()}
    titles = [recording.full_title for recording in recordings.values()]
    return ListEntry(
        uid=loop.uid,
        kind="shared_loop",
        label=_("Shared loop, %(length)s") % {"length": length(loop.length_ms)},
        title=" · ".join(titles[:3]),
        sub=ngettext("%(n)s artist", "%(n)s artists", len(artists)) % {"n": len(artists)},
        count=ngettext("%(n)s recording", "%(n)s recordings", len(recordings))
        % {"n": len(recordings)},
        matches=sum(counts.get(pk, 0) for pk in recordings),
        url=reverse("portal:duplicate_loop", args=[loop.uid]),
    )


def length(ms: int) -> str:
    """Return a length (ms) as text: seconds under a minute, else a clock time."""
    if ms < 60_000:
        return _("%(s)s s") % {"s": read_number(ms / 1000, decimals=1)}
    return read_clock(ms, digits=1)


def group_context(
    group: DedupGroup, *, with_letter: str = "", chosen: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Return the context of a group's page.

    ``with_letter`` chooses the member that the first one is plotted against.
    """
    places = list(group.members.select_related("recording__bucket", "recording__merged_into"))
    recordings = [place.recording for place in places]
    links = links_among(recordings)
    counts = selectors.matches_by_recording([recording.pk for recording in recordings])
    members = [
        _show_recording(number, place, recordings[0], links, counts)
        for number, place in enumerate(places)
    ]
    against = next(
        (member for member in members[1:] if member.letter == with_letter),
        members[1] if len(members) > 1 else None,
    )
    kind, label = group_kind(group, places)
    fields = merging.field_choices(recordings, chosen)
    return {
        "group": group,
        "kind_icon": ICONS[kind],
        "kind_label": label,
        "members": members,
        "against": against,
        "plot": plot_of(against.link, recordings[0]) if against else None,
        "says": says_of(against.link, recordings[0]) if against else "",
        "fields": fields,
        "differing": sum(field.differs for field in fields),
        "conflict": code_conflict(recordings),
        "rule": "" if any(place.pinned for place in places) else why(recordings, counts),
        "pinned": any(place.pinned for place in places),
        "matches": sum(member.matches for member in members),
        "seen": [recording.uid for recording in recordings],
    }


def bulk_context(pks: Sequence[int]) -> dict[str, object]:
    """Return the context of the preview of merging many groups."""
    groups = DedupGroup.objects.prefetch_related("members__recording__bucket").in_bulk(list(pks))
    chosen_groups = [groups[pk] for pk in pks if pk in groups]
    counts = selectors.matches_by_recording(
        {recording.pk for group in chosen_groups for recording in recordings_of(group)}
    )
    rows: list[dict[str, Any]] = []  # Any: template values
    for group in chosen_groups:
        recordings = recordings_of(group)
        rows.append(
            {
                "group": group,
                "canonical": recordings[0],
                "others": recordings[1:],
                "differing": sum(field.differs for field in merging.field_choices(recordings)),
                "conflict": code_conflict(recordings),
                "matches": sum(counts.get(recording.pk, 0) for recording in recordings),
            }
        )
    return {
        "rows": rows,
        "aliases": sum(len(row["others"]) for row in rows),
        "matches": sum(row["matches"] for row in rows),
    }


def why(recordings: Sequence[Recording], uses: Mapping[int, int]) -> str:
    """Return why the first recording is the canonical one; empty without recordings."""
    if not recordings:
        return ""
    return grouping.why_canonical(recordings[0], recordings[1:], uses)


def code_conflict(recordings: Sequence[Recording]) -> str:
    """Return a warning if recordings of one sound have several valid ISRCs."""
    codes = {
        recording.isrc_normalised
        for recording in recordings
        if recording.isrc_normalised and recording.isrc_status != CodeStatus.MALFORMED
    }
    if len(codes) < 2:
        return ""
    return _("One sound, %(n)s ISRCs: %(codes)s. Only one of them can be right.") % {
        "n": len(codes),
        "codes": ", ".join(sorted(codes)),
    }


def links_among(recordings: Sequence[Recording]) -> dict[tuple[int, int], PairLink]:
    """Return the links between the recordings by their primary keys, lower key first."""
    pks = [recording.pk for recording in recordings]
    rows = PairLink.objects.filter(one__in=pks, other__in=pks)
    return {(link.one_id, link.other_id): link for link in rows}


def _show_recording(
    number: int,
    place: DedupMember,
    first: Recording,
    links: Mapping[tuple[int, int], PairLink],
    counts: Mapping[int, int],
) -> Shown:
    recording = place.recording
    lower, higher = sorted((first.pk, recording.pk))
    link = links.get((lower, higher))
    shared = ""
    if link is not None and link.runs:
        is_one = link.one_id == recording.pk
        share = link.coverage_one if is_one else link.coverage_other
        shared = formats.percent(share, 1)
    return Shown(
        letter=LETTERS[number % len(LETTERS)],
        recording=recording,
        place=place,
        wave=waveform.wave_paths(load_waveform(recording)),
        audio_url=playback.audio_url(recording),
        quality=quality_of(recording),
        matches=counts.get(recording.pk, 0),
        shared=shared,
        link=link,
        step=_step(link, first),
    )


def _step(link: PairLink | None, first: Recording) -> Step:
    """Return the alignment of the longest interval that a member shares."""
    intervals = intervals_of(link, first) if link is not None else []
    if not intervals:
        return Step()
    longest = max(intervals, key=lambda interval: interval.end_ms - interval.start_ms)
    length = longest.end_ms - longest.start_ms
    there = longest.reference_end_ms - longest.reference_start_ms
    # The link of two equal files can be older than the length of the second.
    if length <= 0 or there <= 0:
        return Step()
    rate = there / length
    return Step(longest.reference_start_ms, longest.start_ms, f"{rate:.6f}")


def references() -> int:
    """Return the number of recordings that scans search."""
    return Recording.objects.filter(status=RecordingStatus.READY).count()

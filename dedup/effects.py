"""The effects of actions on the catalogue, on exclusions and on the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations

from django.db.models import F
from django.utils.translation import gettext as _

from base.accounts.models import User
from catalogue.artist_ids import drop_moved
from catalogue.identifiers import check_isrc
from catalogue.index_log import note_change
from catalogue.models import Exclusion, Recording, RecordingStatus
from catalogue.selectors import excluded_intervals, excluded_segments
from dedup import comparing
from dedup.following import followers
from dedup.merging import merged_columns
from dedup.models import ActionVerb, DedupAction, DedupGroup, DedupMember, PairLink
from dedup.services import DedupRun, regroup
from dedup.snapshots import Row
from review.services import choosing, exclusions, grounds, joining


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """The arguments of an action, by uid.

    ``canonical`` is the recording that stays; ``fields`` maps a field to the recording
    whose value counts.
    """

    recordings: list[str]
    canonical: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def carry_out(
    verb: ActionVerb,
    chosen: Sequence[Recording],
    members: Sequence[Recording],
    selection: ActionRequest,
    user: User,
) -> None:
    """Apply the verb to the chosen members."""
    match verb:
        case ActionVerb.CANONICAL:
            places = DedupMember.objects.filter(recording__in=members)
            places.update(pinned=False)
            places.filter(recording__in=chosen).update(pinned=True)
            DedupGroup.objects.filter(members__recording__in=chosen).update(
                # Pages that show the old canonical recording are outdated.
                version=F("version") + 1
            )
        case ActionVerb.MERGE:
            _merge(chosen, selection)
        case ActionVerb.KEEP:
            _keep(combinations(chosen, 2), user)
        case ActionVerb.SPLIT:
            _split_group(chosen, members, user)
        case ActionVerb.RETIRE:
            Recording.objects.filter(pk__in=[recording.pk for recording in chosen]).update(
                status=RecordingStatus.RETIRED, updated_at=datetime.now(tz=UTC)
            )


def carry_exclusions(
    chosen: Sequence[Recording], selection: ActionRequest, user: User
) -> list[str]:
    """Copy the exclusions of merged recordings to the one that stays; return their
    uids.
    """
    canonical = Recording.objects.get(uid=selection.canonical)
    made = []
    for member in chosen:
        if member == canonical:
            continue
        for segment in excluded_segments(member).filter(approved=True):
            interval = comparing.place_in(canonical, member, (segment.start_ms, segment.end_ms))
            # Read again for each segment, so that exclusions copied just now count.
            excluded = excluded_intervals(canonical)
            if interval is None or any(a <= interval[0] and interval[1] <= b for a, b in excluded):
                continue
            carried = exclusions.exclude(
                recording=canonical,
                interval=interval,
                reason=segment.reason,
                user=user,
                note=segment.note
                or _("From %(other)s, which was merged into this.") % {"other": str(member)[:500]},
            )
            made.append(carried.uid)
    return made


def join_matches(
    action: DedupAction, chosen: Sequence[Recording], selection: ActionRequest, user: User
) -> None:
    """Let the matches of merged recordings go on as those of the one that stays."""
    stays = next(member for member in chosen if member.uid == selection.canonical)
    merged = [member for member in chosen if member != stays]
    joining.follow_merge(merged=merged, stays=stays, merge=action.uid, user=user)


def take_exclusions_back(action: DedupAction, user: User) -> None:
    """Remove the exclusions that a merge copied."""
    carried = Exclusion.objects.filter(
        uid__in=action.after.get("exclusions", []), removed_at__isnull=True
    )
    for segment in carried:
        exclusions.take_back(segment=segment, user=user)


def reindex(now: Mapping[str, Row], before: Mapping[str, Row]) -> None:
    """Make the index follow recordings that left the search or came back."""
    # Metadata does not affect the index.
    changed = [uid for uid, row in now.items() if row["status"] != before[uid]["status"]]
    note_change(Recording.objects.filter(uid__in=changed).values_list("pk", flat=True))


def fill(touched: Sequence[Recording], user: User) -> None:
    """Fill columns of the recordings that are still in the catalogue."""
    living = Recording.objects.exclude(status=RecordingStatus.RETIRED)
    rows = living.filter(pk__in=[recording.pk for recording in touched])
    for follower in followers:
        follower.fill(rows, user=user)


def follow(before: Mapping[str, Row], user: User) -> None:
    """Evaluate the matches of recordings again that had these columns before.

    Licences and shares of a merged recording also count for the one that stays.
    """
    touched = {recording.pk: recording for recording in Recording.objects.filter(uid__in=before)}
    choosing.follow(touched, actor=user)
    grounds.follow_recordings(
        before={
            key: {"label": before[recording.uid]["label"]} for key, recording in touched.items()
        },
        user=user,
    )
    for follower in followers:
        follower.follow(touched.values())


def regroup_buckets(recordings: Iterable[Recording]) -> None:
    """Regroup the buckets of these recordings."""
    for bucket in {recording.bucket for recording in recordings}:
        regroup(DedupRun(bucket=bucket, audited=False))


def _merge(chosen: Sequence[Recording], selection: ActionRequest) -> None:
    canonical = next(member for member in chosen if member.uid == selection.canonical)
    aliases = [member for member in chosen if member != canonical]
    columns = merged_columns([canonical, *aliases], selection.fields)
    if not canonical.own_isrc and columns["isrc_normalised"] != (own := canonical.isrc_normalised):
        # Rights know it by this one too.
        columns["own_isrc"] = own
    before, canonical.artists = canonical.artists, columns["artists"]
    drop_moved(canonical, before)
    Recording.objects.filter(pk=canonical.pk).update(**columns, updated_at=datetime.now(tz=UTC))
    Recording.objects.filter(pk__in=[alias.pk for alias in aliases]).update(
        status=RecordingStatus.RETIRED, merged_into=canonical, updated_at=datetime.now(tz=UTC)
    )


def _keep(pairs: Iterable[tuple[Recording, Recording]], user: User) -> None:
    for pair in pairs:
        first, second = sorted(pair, key=lambda recording: recording.pk)
        PairLink.objects.update_or_create(
            one=first,
            other=second,
            defaults={
                "kept_at": datetime.now(tz=UTC),
                "kept_by": user,
                "audio_one": first.audio_sha256,
                "audio_other": second.audio_sha256,
            },
        )


def _split_group(chosen: Sequence[Recording], members: Sequence[Recording], user: User) -> None:
    """Keep the chosen apart from the rest; recordings merged into them come back."""
    remaining = [member for member in members if member not in chosen]
    _keep(((first, second) for first in chosen for second in remaining), user)
    for recording in chosen:
        if recording.own_isrc and recording.aliases.filter(
            isrc_normalised=recording.isrc_normalised
        ):
            # The merge gave it this ISRC, which leaves with its owner.
            checked = check_isrc(recording.own_isrc)
            Recording.objects.filter(pk=recording.pk).update(
                isrc=recording.own_isrc,
                isrc_normalised=checked.normalised,
                isrc_status=checked.status,
                own_isrc="",
            )
    Recording.objects.filter(merged_into__in=chosen).update(
        status=RecordingStatus.READY, merged_into=None, updated_at=datetime.now(tz=UTC)
    )

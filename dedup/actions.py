"""What people do about duplicates. Each is one event and can be undone for 30 days.

Reviewers propose, managers act; a proposal is done when a manager accepts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations

from django.db import transaction
from django.db.models import F

import audit.services
from accounts.models import User
from accounts.reach import working_for
from accounts.roles import Action
from catalogue.models import ExcludedSegment, Recording, RecordingStatus
from catalogue.reindexing import change_index
from catalogue.selectors import excluded_segments, excluded_spans
from common.leases import NO_LEASE
from dedup import comparing, snapshots
from dedup.errors import ActionRefused, GroupChanged, NotAllowed
from dedup.merging import FIELDS, merged_columns
from dedup.models import (
    ActionState,
    ActionVerb,
    DedupAction,
    DedupGroup,
    DedupMember,
    GroupKind,
    PairLink,
)
from dedup.services import DedupRun, regroup
from review.services import exclusions

UNDO_FOR = timedelta(days=30)
BULK_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: by uid, which recordings, which stays, whose fields count."""

    recordings: list[str]
    canonical: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@transaction.atomic
def act_on_group(
    *,
    verb: ActionVerb,
    group: DedupGroup,
    user: User,
    version: int,
    seen: Sequence[str],
    asked: Asked,
    note: str = "",
) -> DedupAction:
    """Do something about a group as the person saw it.

    ``version`` and the uids ``seen`` come from the page. Raises ``GroupChanged`` when
    it is another group by now, and ``ActionRefused`` for what cannot be done.
    """
    members = _unchanged(group, version, seen)
    if not set(asked.recordings) <= set(members):
        raise ActionRefused("The recordings do not all belong to this group.")
    return _act(verb, list(members.values()), group.uid, user, asked, note)


@transaction.atomic
def keep_apart(*, one: Recording, other: Recording, user: User) -> DedupAction:
    """Keep two recordings apart that are in no group."""
    pair = [one, other]
    asked = Asked([recording.uid for recording in pair])
    return _act(ActionVerb.KEEP, pair, "", user, asked, "")


def _act(
    verb: ActionVerb,
    members: list[Recording],
    group_uid: str,
    user: User,
    asked: Asked,
    note: str,
) -> DedupAction:
    if not user.has_perm(Action.DECIDE):
        raise NotAllowed("Your role may look at duplicates, not change them.")
    _check(verb, members, asked)
    action = DedupAction(
        verb=verb,
        title=_title(members, asked),
        group_uid=group_uid,
        asked=asdict(asked),
        note=note.strip(),
        made_by=user,
    )
    if not user.has_perm(Action.EDIT_DUPLICATES):
        action.state = ActionState.PROPOSED
        action.save()
        _tell(action, "proposed", user)
        return action
    _do(action, members, asked, user)
    return action


def merge_many(
    *, versions: Mapping[str, int], user: User
) -> tuple[int, list[tuple[str, str]]]:
    """Merge groups of copies into their canonical recordings, each by itself.

    ``versions`` has the version that was seen of each group, by uid. Returns how many
    were merged, and the others with why not.
    """
    done, refused = 0, []
    for uid, version in list(versions.items())[:BULK_LIMIT]:
        group = DedupGroup.objects.filter(uid=uid, kind=GroupKind.SAME_SOUND).first()
        if group is None:
            refused.append((uid, "The group is settled by now."))
            continue
        members = [member.recording for member in group.members.all()]
        seen = [member.uid for member in members]
        try:
            act_on_group(
                verb=ActionVerb.MERGE,
                group=group,
                user=user,
                version=version,
                seen=seen,
                asked=Asked(seen, canonical=seen[0] if seen else ""),
            )
        except ActionRefused as error:
            refused.append((members[0].title if members else uid, error.message))
        else:
            done += 1
    return done, refused


@transaction.atomic
def accept(*, action: DedupAction, user: User) -> DedupAction:
    """Do what was proposed, if the recordings are still there for it."""
    _require_manager(user)
    action = _locked(action, ActionState.PROPOSED)
    asked = Asked(**action.asked)
    group = DedupGroup.objects.filter(uid=action.group_uid).first()
    members = (
        list(_members(group).values())
        if group is not None
        else list(Recording.objects.filter(uid__in=asked.recordings))
    )
    living = {
        member.uid for member in members if member.status == RecordingStatus.READY
    }
    if not set(asked.recordings) <= living:
        raise ActionRefused(
            "The recordings are not what they were when this was proposed. Refuse it "
            "and look at the group again."
        )
    action.settled_by, action.settled_at = user, _now()
    _do(action, members, asked, user)
    return action


@transaction.atomic
def refuse(*, action: DedupAction, user: User, note: str = "") -> DedupAction:
    """Do not do what was proposed."""
    _require_manager(user)
    action = _locked(action, ActionState.PROPOSED)
    action.state = ActionState.REFUSED
    action.settled_by, action.settled_at = user, _now()
    action.save(update_fields=["state", "settled_by", "settled_at"])
    _tell(action, "refused", user, note=note)
    return action


@transaction.atomic
def undo(*, action: DedupAction, user: User) -> DedupAction:
    """Make everything as it was before an action.

    Refused after 30 days, and where a recording was changed since: nothing that
    somebody did meanwhile is lost.
    """
    _require_manager(user)
    action = _locked(action, ActionState.DONE)
    if action.made_at + UNDO_FOR < _now():
        raise ActionRefused("This was done more than 30 days ago and stays.")
    pks = list(action.before["recordings"])
    list(Recording.objects.select_for_update().filter(uid__in=pks).order_by("pk"))
    changed = snapshots.differences(action.after)
    if changed:
        raise ActionRefused(
            f"Changed since by somebody else: {', '.join(changed)}. Nothing was undone."
        )
    _refuse_taken_ids(action)
    snapshots.restore(action.before)
    snapshots.restore_groups(action.before)
    _take_exclusions_back(action, user)
    _reindex(action.before["recordings"], action.after["recordings"])
    action.state = ActionState.UNDONE
    action.settled_by, action.settled_at = user, _now()
    action.save(update_fields=["state", "settled_by", "settled_at"])
    snapshots.restore_pins(action.before)
    _regroup(Recording.objects.filter(uid__in=pks))
    _tell(action, "undone", user)
    return action


def may_undo(action: DedupAction, user: User) -> bool:
    """Tell whether somebody can take an action back now."""
    return (
        action.state == ActionState.DONE
        and action.made_at + UNDO_FOR >= _now()
        and user.has_perm(Action.EDIT_DUPLICATES)
    )


def _check(verb: ActionVerb, members: Sequence[Recording], asked: Asked) -> None:
    """Refuse what makes no sense, before anything is written."""
    if not asked.recordings:
        raise ActionRefused("Choose at least one recording.")
    if verb == ActionVerb.CANONICAL and len(asked.recordings) != 1:
        raise ActionRefused("Choose one recording to stand for the group.")
    if verb == ActionVerb.SPLIT and len(asked.recordings) >= len(members):
        raise ActionRefused("Leave at least one recording in the group.")
    if verb == ActionVerb.KEEP and len(asked.recordings) < 2:
        raise ActionRefused("Two recordings or more are kept apart from one another.")
    if verb == ActionVerb.MERGE:
        _check_merge(members, asked)


def _check_merge(members: Sequence[Recording], asked: Asked) -> None:
    by_uid = {member.uid: member for member in members}
    if asked.canonical not in asked.recordings or len(asked.recordings) < 2:
        raise ActionRefused("Choose two recordings or more, and which of them stays.")
    if len({by_uid[uid].bucket_id for uid in asked.recordings}) > 1:
        raise ActionRefused(
            "The recordings lie in different buckets, and each bucket is searched by "
            "itself. Move them into one bucket first."
        )
    if set(asked.fields) - set(FIELDS):
        raise ActionRefused("A field was chosen that a recording does not have.")


def _do(
    action: DedupAction, members: list[Recording], asked: Asked, user: User
) -> None:
    verb = ActionVerb(action.verb)
    chosen = [member for member in members if member.uid in asked.recordings]
    aliases = Recording.objects.filter(merged_into__in=members)
    touched = [*members, *(aliases if verb == ActionVerb.SPLIT else ())]
    action.before = snapshots.take(touched, group_uid=action.group_uid)
    _DO[verb](chosen, members, asked, user)
    action.after = snapshots.take(touched, group_uid=action.group_uid)
    if verb == ActionVerb.MERGE:
        action.after["exclusions"] = _carry_exclusions(chosen, asked, user)
    action.state = ActionState.DONE
    action.made_at = action.made_at or _now()
    action.save()
    _reindex(action.after["recordings"], action.before["recordings"])
    _regroup(touched)
    _tell(action, "done", user)


def _canonical(
    chosen: Sequence[Recording],
    members: Sequence[Recording],
    _asked: Asked,
    _user: User,
) -> None:
    places = DedupMember.objects.filter(recording__in=members)
    places.update(pinned=False)
    places.filter(recording__in=chosen).update(pinned=True)
    DedupGroup.objects.filter(members__recording__in=chosen).update(
        version=F("version") + 1
    )


def _merge(
    chosen: Sequence[Recording],
    _members: Sequence[Recording],
    asked: Asked,
    _user: User,
) -> None:
    canonical = next(one for one in chosen if one.uid == asked.canonical)
    others = [one for one in chosen if one != canonical]
    columns = merged_columns([canonical, *others], asked.fields)
    Recording.objects.filter(pk=canonical.pk).update(**columns, updated_at=_now())
    Recording.objects.filter(pk__in=[one.pk for one in others]).update(
        status=RecordingStatus.RETIRED,
        merged_into=canonical,
        updated_at=_now(),
        **NO_LEASE,
    )


def _carry_exclusions(
    chosen: Sequence[Recording], asked: Asked, user: User
) -> list[str]:
    """Exclude in the one that stays what is excluded in the others; return the uids."""
    canonical = Recording.objects.get(uid=asked.canonical)
    made = []
    for other in chosen:
        if other == canonical:
            continue
        for segment in excluded_segments(other).filter(approved=True):
            span = comparing.place_in(
                canonical, other, (segment.start_ms, segment.end_ms)
            )
            known = excluded_spans(canonical)
            if span is None or any(a <= span[0] and span[1] <= b for a, b in known):
                continue
            carried = exclusions.exclude(
                recording=canonical,
                span=span,
                reason=segment.reason,
                user=user,
                note=segment.note or f"From {other}, which was merged into this.",
            )
            made.append(carried.uid)
    return made


def _take_exclusions_back(action: DedupAction, user: User) -> None:
    carried = ExcludedSegment.objects.filter(
        uid__in=action.after.get("exclusions", []), removed_at__isnull=True
    )
    for segment in carried:
        exclusions.take_back(segment=segment, user=user)


def _keep(
    chosen: Sequence[Recording],
    _members: Sequence[Recording],
    _asked: Asked,
    user: User,
) -> None:
    _keep_pairs(combinations(chosen, 2), user)


def _split(
    chosen: Sequence[Recording],
    members: Sequence[Recording],
    _asked: Asked,
    user: User,
) -> None:
    """Keep the chosen apart from the rest; what was merged into them comes back."""
    rest = [member for member in members if member not in chosen]
    _keep_pairs(((one, other) for one in chosen for other in rest), user)
    Recording.objects.filter(merged_into__in=chosen).update(
        status=RecordingStatus.READY, merged_into=None, updated_at=_now()
    )


def _retire(
    chosen: Sequence[Recording],
    _members: Sequence[Recording],
    _asked: Asked,
    _user: User,
) -> None:
    Recording.objects.filter(pk__in=[one.pk for one in chosen]).update(
        status=RecordingStatus.RETIRED, updated_at=_now(), **NO_LEASE
    )


_DO: Mapping[
    ActionVerb,
    Callable[[Sequence[Recording], Sequence[Recording], Asked, User], None],
] = {
    ActionVerb.CANONICAL: _canonical,
    ActionVerb.MERGE: _merge,
    ActionVerb.KEEP: _keep,
    ActionVerb.SPLIT: _split,
    ActionVerb.RETIRE: _retire,
}


def _keep_pairs(pairs: Iterable[tuple[Recording, Recording]], user: User) -> None:
    for pair in pairs:
        one, other = sorted(pair, key=lambda recording: recording.pk)
        PairLink.objects.update_or_create(
            one=one,
            other=other,
            defaults={
                "kept_at": _now(),
                "kept_by": user,
                "audio_one": one.audio_sha256,
                "audio_other": other.audio_sha256,
            },
        )


def _unchanged(
    group: DedupGroup, version: int, seen: Sequence[str]
) -> dict[str, Recording]:
    """Lock the group and return its members, if it is what was seen."""
    current = DedupGroup.objects.select_for_update().filter(pk=group.pk).first()
    members = _members(current) if current is not None else {}
    if current is not None and current.version == version and set(members) == set(seen):
        return members
    titles = dict(
        Recording.objects.filter(uid__in=[*members, *seen]).values_list("uid", "title")
    )
    raise GroupChanged(
        "The group was changed meanwhile. Nothing was done; look at it again.",
        joined=[titles.get(uid, uid) for uid in members if uid not in seen],
        left=[titles.get(uid, uid) for uid in seen if uid not in members],
    )


def _members(group: DedupGroup) -> dict[str, Recording]:
    """Return a group's recordings by uid, canonical first."""
    rows = group.members.select_related("recording__bucket")
    found = {member.recording.uid: member.recording for member in rows}
    with working_for(None):
        if len(found) != DedupMember.objects.filter(group=group).count():
            raise NotAllowed(
                "Some recordings of this group lie in buckets that you may not see."
            )
    return found


def _refuse_taken_ids(action: DedupAction) -> None:
    """An id that a merged recording had may have been given to a new one since."""
    for uid, columns in action.before["recordings"].items():
        recording = Recording.objects.get(uid=uid)
        returns = (
            columns["status"] != RecordingStatus.RETIRED
            and recording.status == RecordingStatus.RETIRED
        )
        taken = (
            recording.bucket.recordings.filter(custom_id=recording.custom_id)
            .exclude(status=RecordingStatus.RETIRED)
            .exclude(pk=recording.pk)
        )
        if returns and recording.custom_id and taken.exists():
            raise ActionRefused(
                f"The id {recording.custom_id} belongs to {taken.get()} by now. Give "
                "that one another id first. Nothing was undone."
            )


def _locked(action: DedupAction, wanted: ActionState) -> DedupAction:
    current = DedupAction.objects.select_for_update().get(pk=action.pk)
    if current.state != wanted:
        raise ActionRefused(
            f"This was settled meanwhile: {current.get_state_display().lower()}."
        )
    return current


def _require_manager(user: User) -> None:
    if not user.has_perm(Action.EDIT_DUPLICATES):
        raise NotAllowed("Only a manager may decide about duplicates.")


def _reindex(
    now: Mapping[str, snapshots.Row], before: Mapping[str, snapshots.Row]
) -> None:
    """Have the index follow recordings that left the search or came back."""
    for uid, row in now.items():
        if row["status"] == before[uid]["status"]:
            continue
        pk, bucket = Recording.objects.values_list("pk", "bucket").get(uid=uid)
        change_index(recording_id=pk, left_bucket_id=bucket)


def _regroup(recordings: Iterable[Recording]) -> None:
    for bucket in {recording.bucket for recording in recordings}:
        regroup(DedupRun(bucket=bucket, tells=False))


def _title(members: Sequence[Recording], asked: Asked) -> str:
    wanted = [member for member in members if member.uid in asked.recordings]
    first = next((one for one in wanted if one.uid == asked.canonical), wanted[0])
    return str(first)[:500]


def _tell(action: DedupAction, what: str, user: User, *, note: str = "") -> None:
    name = {"done": f"dedup.{action.verb}", "undone": "dedup.undo"}
    audit.services.record(
        case=f"dedup:{action.group_uid or action.uid}",
        action=name.get(what, f"dedup.{what}"),
        actor=user,
        before=action.before if what == "done" else action.after,
        after=action.after if what == "done" else action.before,
        reason=action.verb,
        note=note or action.note,
    )


def _now() -> datetime:
    return datetime.now(tz=UTC)

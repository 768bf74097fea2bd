"""What people do about duplicates. Each is one event and can be undone for 30 days.

Reviewers propose, managers act; a proposal is done when a manager accepts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from django.db import transaction

import audit.services
from accounts.models import User
from accounts.reach import working_for
from accounts.roles import Action
from catalogue.models import Recording, RecordingStatus
from dedup import effects, snapshots
from dedup.effects import Asked
from dedup.errors import ActionRefused, GroupChanged, NotAllowed
from dedup.merging import FIELDS
from dedup.models import (
    ActionState,
    ActionVerb,
    DedupAction,
    DedupGroup,
    DedupMember,
    GroupKind,
)

UNDO_FOR = timedelta(days=30)
BULK_LIMIT = 500


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
    if _done_at(action) + UNDO_FOR < _now():
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
    effects.take_exclusions_back(action, user)
    effects.reindex(action.before["recordings"], action.after["recordings"])
    action.state = ActionState.UNDONE
    action.settled_by, action.settled_at = user, _now()
    action.save(update_fields=["state", "settled_by", "settled_at"])
    snapshots.restore_pins(action.before)
    effects.regroup_buckets(Recording.objects.filter(uid__in=pks))
    _tell(action, "undone", user)
    return action


def may_undo(action: DedupAction, user: User) -> bool:
    """Tell whether somebody can take an action back now."""
    return (
        action.state == ActionState.DONE
        and _done_at(action) + UNDO_FOR >= _now()
        and user.has_perm(Action.EDIT_DUPLICATES)
    )


def _done_at(action: DedupAction) -> datetime:
    """Return when it was done; what was proposed, when a manager accepted it."""
    return action.settled_at or action.made_at


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
    if by_uid[asked.canonical].status == RecordingStatus.RETIRED:
        raise ActionRefused("The recording that is to stay was retired meanwhile.")
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
    effects.carry_out(verb, chosen, members, asked, user)
    action.after = snapshots.take(touched, group_uid=action.group_uid)
    if verb == ActionVerb.MERGE:
        action.after["exclusions"] = effects.carry_exclusions(chosen, asked, user)
    action.state = ActionState.DONE
    action.save()
    effects.reindex(action.after["recordings"], action.before["recordings"])
    effects.regroup_buckets(touched)
    _tell(action, "done", user)


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

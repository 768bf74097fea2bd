"""Actions on duplicates; each is one event and can be undone for 30 days.

Reviewers propose, managers act; a proposal is carried out when a manager accepts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import count_hidden, refuse_limited, why_unseen, working_for
from base.accounts.roles import Action
from base.common.phrases import lowered
from catalogue.models import Recording, RecordingStatus
from dedup import effects, snapshots
from dedup.effects import ActionRequest
from dedup.errors import ActionNotAllowed, ActionRefused, GroupChanged
from dedup.merging import FIELDS
from dedup.models import ActionState, ActionVerb, DedupAction, DedupGroup, DedupMember, GroupKind
from review.approval import why_no_second_person
from review.services import parting

UNDO_FOR = timedelta(days=30)
# Bounds the time of a selection: each merge is a transaction of its own.
BULK_LIMIT = 500


@transaction.atomic
def act_on_group(
    *,
    verb: ActionVerb,
    group: DedupGroup,
    user: User,
    version: int,
    seen: Sequence[str],
    selection: ActionRequest,
    note: str = "",
) -> DedupAction:
    """Carry out or propose an action on a group as the person saw it.

    ``version`` and the uids ``seen`` come from the page. Raises ``GroupChanged`` if the
    group changed since, and ``ActionRefused`` if the action is impossible.
    """
    members = _unchanged(group, version, seen)
    # A form can be tampered with.
    if not set(selection.recordings) <= set(members):
        raise ActionRefused(_("Some of the recordings do not belong to this group."))
    return _act(verb, list(members.values()), group.uid, user, selection, note)


@transaction.atomic
def keep_apart(*, first: Recording, second: Recording, user: User) -> DedupAction:
    """Keep two recordings apart that share no group."""
    pair = [first, second]
    selection = ActionRequest([recording.uid for recording in pair])
    return _act(ActionVerb.KEEP, pair, "", user, selection, "")


def _act(
    verb: ActionVerb,
    members: list[Recording],
    group_uid: str,
    user: User,
    selection: ActionRequest,
    note: str,
) -> DedupAction:
    if not user.has_perm(Action.DECIDE):
        raise ActionNotAllowed(_("Your role may view duplicates but not change them."))
    _check(verb, members, selection)
    chosen = [member for member in members if member.uid in selection.recordings]
    named = next((member for member in chosen if member.uid == selection.canonical), chosen[0])
    action = DedupAction(
        verb=verb,
        title=str(named)[:500],
        group_uid=group_uid,
        asked=asdict(selection),
        note=note.strip(),
        made_by=user,
    )
    # Reviewers may only propose.
    if not user.has_perm(Action.EDIT_DUPLICATES):
        action.state = ActionState.PROPOSED
        action.save()
        _record(action, "proposed", user)
        return action
    _do(action, members, selection, user)
    return action


def merge_many(*, versions: Mapping[str, int], user: User) -> tuple[int, list[tuple[str, str]]]:
    """Merge groups of copies into their canonical recordings, each on its own.

    ``versions`` maps group uids to the versions seen. Returns the number of merged
    groups, and the others with the reason.
    """
    done, refused = 0, []
    for uid, version in list(versions.items())[:BULK_LIMIT]:
        group = DedupGroup.objects.filter(uid=uid, kind=GroupKind.SAME_SOUND).first()
        if group is None:
            refused.append((uid, _("The group no longer exists.")))
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
                selection=ActionRequest(seen, canonical=seen[0] if seen else ""),
            )
        except ActionRefused as error:
            refused.append((members[0].full_title if members else uid, error.message))
        else:
            done += 1
    return done, refused


@transaction.atomic
def accept(*, action: DedupAction, user: User) -> DedupAction:
    """Carry out a proposal, if its recordings are still searchable."""
    _require_second(user)
    action = _lock_action(action, user, ActionState.PROPOSED)
    selection = ActionRequest(**action.asked)
    group = DedupGroup.objects.filter(uid=action.group_uid).first()
    members = (
        list(_members(group).values())
        if group is not None
        else list(Recording.objects.filter(uid__in=selection.recordings))
    )
    living = {member.uid for member in members if member.status == RecordingStatus.READY}
    if not set(selection.recordings) <= living:
        raise ActionRefused(
            _(
                "The recordings have changed since this was proposed. Refuse it "
                "and review the group again."
            )
        )
    action.settled_by, action.settled_at = user, datetime.now(tz=UTC)
    _do(action, members, selection, user)
    return action


@transaction.atomic
def refuse(*, action: DedupAction, user: User, note: str = "") -> DedupAction:
    """Refuse a proposal."""
    _require_second(user)
    action = _lock_action(action, user, ActionState.PROPOSED)
    action.state = ActionState.REFUSED
    action.settled_by, action.settled_at = user, datetime.now(tz=UTC)
    action.save(update_fields=["state", "settled_by", "settled_at"])
    _record(action, "refused", user, note=note)
    return action


@transaction.atomic
def undo(*, action: DedupAction, user: User) -> DedupAction:
    """Restore the state before an action.

    Refused after 30 days, and if a recording changed since, so that no later work is
    lost.
    """
    _require_manager(user)
    action = _lock_action(action, user, ActionState.DONE)
    if action.done_at + UNDO_FOR < datetime.now(tz=UTC):
        raise ActionRefused(_("This was done more than 30 days ago and can no longer be undone."))
    pks = list(action.before["recordings"])
    # Lock in key order, so that two undos cannot deadlock.
    list(Recording.objects.select_for_update().filter(uid__in=pks).order_by("pk"))
    changed = snapshots.differences(action.after)
    if changed:
        raise ActionRefused(
            _("These have changed since: %(changed)s. Nothing was undone.")
            % {"changed": ", ".join(changed)}
        )
    # Custom ids are unique among recordings that are not retired.
    _refuse_taken_ids(action)
    parting.take_back(merge=action.uid, user=user)
    snapshots.restore(action.before)
    snapshots.restore_groups(action.before)
    effects.take_exclusions_back(action, user)
    effects.reindex(action.before["recordings"], action.after["recordings"])
    effects.follow(action.after["recordings"], user)
    action.state = ActionState.UNDONE
    action.settled_by, action.settled_at = user, datetime.now(tz=UTC)
    action.save(update_fields=["state", "settled_by", "settled_at"])
    # Regrouping below picks the canonical recordings by these pins.
    snapshots.restore_pins(action.before)
    effects.regroup_buckets(Recording.objects.filter(uid__in=pks))
    _record(action, "undone", user)
    return action


def may_undo(action: DedupAction, user: User) -> bool:
    """Return whether the user may undo an action now."""
    return (
        action.state == ActionState.DONE
        and action.done_at + UNDO_FOR >= datetime.now(tz=UTC)
        and user.has_perm(Action.EDIT_DUPLICATES)
    )


def _check(verb: ActionVerb, members: Sequence[Recording], selection: ActionRequest) -> None:
    """Refuse impossible actions before anything is written."""
    if not selection.recordings:
        raise ActionRefused(_("Choose at least one recording."))
    if verb == ActionVerb.CANONICAL and len(selection.recordings) != 1:
        raise ActionRefused(_("Choose the canonical recording of the group."))
    if verb == ActionVerb.SPLIT and len(selection.recordings) >= len(members):
        raise ActionRefused(_("Leave at least one recording in the group."))
    if verb == ActionVerb.KEEP and len(selection.recordings) < 2:
        raise ActionRefused(_("Choose at least two recordings to keep apart."))
    if verb != ActionVerb.MERGE:
        return
    by_uid = {member.uid: member for member in members}
    if selection.canonical not in selection.recordings or len(selection.recordings) < 2:
        raise ActionRefused(_("Choose at least two recordings and the one to keep."))
    if len({by_uid[uid].bucket_id for uid in selection.recordings}) > 1:
        raise ActionRefused(
            _(
                "The recordings are in different buckets, and each bucket is searched on "
                "its own. Move them into one bucket first."
            )
        )
    if by_uid[selection.canonical].status == RecordingStatus.RETIRED:
        raise ActionRefused(_("The recording that should stay has been retired."))
    if set(selection.fields) - set(FIELDS):
        raise ActionRefused(_("You chose a field that recordings do not have."))


def _do(
    action: DedupAction, members: list[Recording], selection: ActionRequest, user: User
) -> None:
    verb = ActionVerb(action.verb)
    chosen = [member for member in members if member.uid in selection.recordings]
    aliases = Recording.objects.filter(merged_into__in=members)
    # Splitting brings back recordings merged into the chosen ones.
    touched = [*members, *(aliases if verb == ActionVerb.SPLIT else ())]
    action.before = snapshots.take(touched, group_uid=action.group_uid)
    effects.carry_out(verb, chosen, members, selection, user)
    effects.fill(touched, user)
    action.after = snapshots.take(touched, group_uid=action.group_uid)
    if verb == ActionVerb.MERGE:
        action.after["exclusions"] = effects.carry_exclusions(chosen, selection, user)
        effects.join_matches(action, chosen, selection, user)
    action.state = ActionState.DONE
    action.save()
    effects.reindex(action.after["recordings"], action.before["recordings"])
    effects.follow(action.before["recordings"], user)
    effects.regroup_buckets(touched)
    _record(action, "done", user)


def _unchanged(group: DedupGroup, version: int, seen: Sequence[str]) -> dict[str, Recording]:
    """Lock the group and return its members; raise if it has changed."""
    current = DedupGroup.objects.select_for_update().filter(pk=group.pk).first()
    if current is not None:
        # Lock the recordings too: an import or form may be writing them, and the read
        # below must see the result.
        rows = Recording.objects.select_for_update(of=("self",)).order_by("pk")
        list(rows.filter(pk__in=current.members.values("recording")))
    members = _members(current) if current is not None else {}
    if current is not None and current.version == version and set(members) == set(seen):
        return members
    titles = dict(Recording.objects.filter(uid__in=[*members, *seen]).values_list("uid", "title"))
    raise GroupChanged(
        _("Somebody changed the group in the meantime. Nothing was done; review it again."),
        joined=[titles.get(uid, uid) for uid in members if uid not in seen],
        gone=[titles.get(uid, uid) for uid in seen if uid not in members],
    )


def _members(group: DedupGroup) -> dict[str, Recording]:
    """Return a group's recordings by uid, canonical first."""
    rows = group.members.select_related("recording__bucket")
    recordings = {member.recording.uid: member.recording for member in rows}
    # A person with access limits must not merge recordings they cannot see.
    with working_for(None):
        hidden = DedupMember.objects.filter(group=group).count() - len(recordings)
    if why := why_unseen(hidden):
        raise ActionNotAllowed(why)
    return recordings


def _refuse_taken_ids(action: DedupAction) -> None:
    """Refuse if a custom id that would come back belongs to another recording now."""
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
                _(
                    "The id %(custom_id)s now belongs to %(get)s. Give that "
                    "recording another id first. Nothing was undone."
                )
                % {"custom_id": recording.custom_id, "get": taken.get()}
            )


def _lock_action(action: DedupAction, user: User, state: ActionState) -> DedupAction:
    if action.made_by_id != user.pk:
        # Its recordings may be gone, so their access limits can no longer be checked.
        refuse_limited(user)
    current = DedupAction.objects.select_for_update().get(pk=action.pk)
    named = {*current.before.get("recordings", ()), *current.asked.get("recordings", ())}
    if why := why_unseen(count_hidden(user, Recording.objects.filter(uid__in=named))):
        raise ActionNotAllowed(why)
    if current.state != state:
        raise ActionRefused(
            _("Somebody already decided this: %(state)s.")
            % {"state": lowered(current.get_state_display())}
        )
    return current


def _require_manager(user: User) -> None:
    if not user.has_perm(Action.EDIT_DUPLICATES):
        raise ActionNotAllowed(_("Only a manager may decide about duplicates."))


def _require_second(user: User) -> None:
    """Raise unless the user may answer what a reviewer proposed."""
    _require_manager(user)
    if why := why_no_second_person(user):
        raise ActionNotAllowed(why)


def _record(action: DedupAction, step: str, user: User, *, note: str = "") -> None:
    name = {"done": f"dedup.{action.verb}", "undone": "dedup.undo"}
    base.audit.services.record(
        case=f"dedup:{action.group_uid or action.uid}",
        action=name.get(step, f"dedup.{step}"),
        actor=user,
        before=action.before if step == "done" else action.after,
        after=action.after if step == "done" else action.before,
        reason=action.verb,
        note=note or action.note,
    )

"""Merge, keep apart, split, retire, proposals, and the undo of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Bucket, Exclusion, Recording, RecordingStatus
from catalogue.selectors import excluded_intervals
from dedup import actions
from dedup.effects import ActionRequest
from dedup.errors import ActionNotAllowed, ActionRefused, GroupChanged
from dedup.models import ActionState, ActionVerb, DedupAction, DedupGroup, DedupMember, PairLink
from dedup.services import find_duplicates
from review import coverage
from review.choices import MatchState, PolicyAction
from review.services import applications, exclusions, policies
from review.subjects import Subject
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket() -> Bucket:
    bucket = BucketFactory.create()
    for title, album in (("First", ""), ("Second", "Roads"), ("Third", "Paths")):
        RecordingFactory.create(
            bucket=bucket, title=title, album=album, audio_sha256="ab" * 32, audio_bytes=10
        )
    find_duplicates(bucket=bucket)
    return bucket


def by_title(title: str) -> Recording:
    return Recording.objects.get(title=title)


def uids(*titles: str) -> list[str]:
    return [by_title(title).uid for title in titles]


def act(
    verb: ActionVerb,
    user: User,
    *titles: str,
    fields: dict[str, str] | None = None,
    seen: list[str] | None = None,
) -> DedupAction:
    group = DedupGroup.objects.get()
    members = [member.recording.uid for member in group.members.all()]
    chosen = uids(*titles)
    return actions.act_on_group(
        verb=verb,
        group=group,
        user=user,
        version=group.version,
        seen=members if seen is None else seen,
        selection=ActionRequest(chosen, canonical=chosen[0], fields=fields or {}),
    )


def everything() -> list[object]:
    """Return all data that undo has to restore."""
    return [
        list(Recording.objects.order_by("pk").values("title", "album", "status", "merged_into")),
        list(
            DedupMember.objects.order_by("recording").values_list(
                "group__uid", "recording", "kind", "linked_to", "canonical", "pinned"
            )
        ),
        list(PairLink.objects.order_by("pk").values_list("one", "other", "kind", "kept_at")),
    ]


def test_merged_recordings_become_aliases_with_the_fields_chosen(
    bucket: Bucket, manager: User
) -> None:
    # A field that the canonical recording lacks is filled.
    action = act(ActionVerb.MERGE, manager, "First", "Second", "Third")
    assert by_title("First").album == "Roads"
    actions.undo(action=action, user=manager)

    album = by_title("Third").uid
    act(ActionVerb.MERGE, manager, "First", "Second", "Third", fields={"album": album})
    first, second = by_title("First"), by_title("Second")
    assert (first.status, first.album) == (RecordingStatus.READY, "Paths")
    assert second.status == RecordingStatus.RETIRED
    assert second.stands_for_it == first
    assert not DedupGroup.objects.exists()


def test_what_is_excluded_in_the_others_is_excluded_in_the_one_that_stays(
    bucket: Bucket, manager: User
) -> None:
    first, second, third = map(by_title, ("First", "Second", "Third"))
    Recording.objects.filter(pk=third.pk).update(audio_sha256="cd" * 32)
    link = PairLink.objects.get(one=first, other=third)
    link.runs = [[5_000, 105_000, 0, 100_000, 1.0, 0.0, 90.0]]
    link.save()
    for recording, interval in ((second, (2_000, 4_000)), (third, (10_000, 12_000))):
        exclusions.exclude(
            recording=recording, interval=interval, reason="shared_loop", user=manager
        )

    action = act(ActionVerb.MERGE, manager, "First", "Second", "Third")

    assert excluded_intervals(first) == [(2_000, 4_000), (15_000, 17_000)]
    actions.undo(action=action, user=manager)
    assert excluded_intervals(first) == []
    assert excluded_intervals(third) == [(10_000, 12_000)]


def test_note_of_what_is_excluded_fits_however_many_artists_there_are(
    bucket: Bucket, manager: User
) -> None:
    second = by_title("Second")
    Recording.objects.filter(pk=second.pk).update(artists=["somebody"] * 200)
    exclusions.exclude(
        recording=second, interval=(2_000, 4_000), reason="shared_loop", user=manager
    )

    act(ActionVerb.MERGE, manager, "First", "Second")

    carried = Exclusion.objects.get(recording=by_title("First"))
    assert carried.note.startswith("From Second – somebody, somebody")
    assert len(carried.note) <= 1_000


def test_a_licence_for_a_merged_recording_covers_the_one_that_stays(
    bucket: Bucket, manager: User
) -> None:
    licence = make_licence(recordings=[by_title("Third")])
    act(ActionVerb.MERGE, manager, "First", "Second")
    action = act(ActionVerb.MERGE, manager, "First", "Third")
    use = Subject.of(make_match(recording=by_title("First")))

    for in_force in (None, coverage.LicencesInForce()):
        check = coverage.best(subject=use, licences=in_force)
        assert check is not None
        assert check.licence == licence
    touched = coverage.of_licence(licence=licence, states=tuple(MatchState))
    assert [match.recording for match, _ in touched] == [by_title("First")]

    actions.undo(action=action, user=manager)
    assert coverage.best(subject=use) is None


@pytest.mark.parametrize("undone", ["decision", "application"])
def test_an_undo_after_a_merge_looks_again_at_what_rules_say(
    undone: str, bucket: Bucket, manager: User
) -> None:
    """The merge gives the recording another label, of which no rule says anything."""
    first, second = by_title("First"), by_title("Second")
    Recording.objects.filter(pk=second.pk).update(label="Roads")
    match = make_match(recording=first)
    by_label = make_policy(sets={"labels": [""]}, action=PolicyAction.ESCALATE)
    policies.apply(policy=by_label, user=manager)
    policies.switch(policy=by_label, user=manager, enabled=False)
    everywhere = make_policy(action=PolicyAction.SUPPRESS)
    match.refresh_from_db()
    if undone == "decision":
        deciding.confirm(match=match, user=manager)
    else:
        policies.apply(policy=everywhere, user=manager)
    act(ActionVerb.MERGE, manager, "First", "Second", fields={"label": second.uid})
    policies.switch(policy=everywhere, user=manager, enabled=False)

    match.refresh_from_db()
    if undone == "decision":
        deciding.undo(match=match, user=manager)
    else:
        applied = applications.applications(everywhere)[0].act
        applications.undo(rule=everywhere, act=applied, user=manager)

    match.refresh_from_db()
    assert (match.state, match.policy_name) == (MatchState.PENDING, "")


def test_each_action_is_one_event_and_undo_brings_everything_back(
    bucket: Bucket, manager: User
) -> None:
    before = everything()
    for verb, titles in (
        (ActionVerb.CANONICAL, ["Third"]),
        (ActionVerb.MERGE, ["First", "Second", "Third"]),
        (ActionVerb.MERGE, ["Second", "Third"]),
        (ActionVerb.KEEP, ["First", "Second", "Third"]),
        (ActionVerb.SPLIT, ["Third"]),
        (ActionVerb.RETIRE, ["Second", "Third"]),
    ):
        events = Event.objects.count()

        action = act(verb, manager, *titles)
        changed, count = everything(), Event.objects.count()
        undone = actions.undo(action=action, user=manager)

        assert changed != before
        assert count == events + 1
        assert everything() == before, (verb, titles)
        assert undone.state == ActionState.UNDONE
        assert Event.objects.count() == count + 1
        assert first_broken_event(case=f"dedup:{action.group_uid}") is None


def test_what_was_chosen_stays_until_the_audio_changes(bucket: Bucket, manager: User) -> None:
    act(ActionVerb.CANONICAL, manager, "Third")
    find_duplicates(bucket=bucket)
    assert DedupMember.objects.get(canonical=True).recording == by_title("Third")

    act(ActionVerb.KEEP, manager, "First", "Second", "Third")
    find_duplicates(bucket=bucket)
    assert not DedupGroup.objects.exists()

    Recording.objects.filter(bucket=bucket).update(audio_sha256="cd" * 32)
    find_duplicates(bucket=bucket)
    assert DedupGroup.objects.get().members.count() == 3


def test_splitting_brings_back_what_was_merged_into_the_member(
    bucket: Bucket, manager: User
) -> None:
    act(ActionVerb.MERGE, manager, "Second", "Third")

    act(ActionVerb.SPLIT, manager, "Second")

    third = by_title("Third")
    assert (third.status, third.merged_into) == (RecordingStatus.READY, None)


def test_a_group_that_changed_meanwhile_is_left_alone(bucket: Bucket, manager: User) -> None:
    group, seen = DedupGroup.objects.get(), uids("First", "Second", "Third")

    with pytest.raises(GroupChanged) as raised:
        act(ActionVerb.MERGE, manager, "First", "Second", seen=seen[:2])

    assert raised.value.joined == ["Third"]
    assert not DedupAction.objects.exists()
    assert not Recording.objects.filter(status=RecordingStatus.RETIRED).exists()

    # The second of two people changes nothing.
    act(ActionVerb.MERGE, manager, "First", "Second", "Third")
    with pytest.raises(GroupChanged) as raised:
        actions.act_on_group(
            verb=ActionVerb.RETIRE,
            group=group,
            user=make_user(Role.MANAGER),
            version=group.version,
            seen=seen,
            selection=ActionRequest(seen[:1]),
        )
    assert raised.value.gone == ["First", "Second", "Third"]


def test_a_reviewer_proposes_and_a_manager_refuses_or_accepts(
    bucket: Bucket, manager: User
) -> None:
    reviewer = make_user(Role.REVIEWER)
    refused = act(ActionVerb.RETIRE, reviewer, "Third")
    actions.refuse(action=refused, user=manager)
    assert by_title("Third").status == RecordingStatus.READY
    refused.refresh_from_db()
    assert refused.state == ActionState.REFUSED

    proposed = act(ActionVerb.MERGE, reviewer, "First", "Second")
    assert proposed.state == ActionState.PROPOSED
    assert by_title("Second").status == RecordingStatus.READY
    long_ago = datetime.now(tz=UTC) - timedelta(days=31)
    DedupAction.objects.update(made_at=long_ago)

    done = actions.accept(action=proposed, user=manager)

    assert by_title("Second").stands_for_it == by_title("First")
    with pytest.raises(ActionRefused, match="already decided"):
        actions.refuse(action=proposed, user=manager)
    # However long ago it was proposed, it can be undone now.
    assert actions.may_undo(done, manager)
    actions.undo(action=done, user=manager)
    assert by_title("Second").status == RecordingStatus.READY


def test_what_makes_no_sense_or_is_not_allowed_is_refused(bucket: Bucket, manager: User) -> None:
    for verb, titles, why in (
        (ActionVerb.MERGE, ["First"], "two recordings"),
        (ActionVerb.SPLIT, ["First", "Second", "Third"], "at least one"),
        (ActionVerb.CANONICAL, ["First", "Second"], "the canonical recording"),
        (ActionVerb.KEEP, ["First"], "at least two recordings"),
    ):
        with pytest.raises(ActionRefused, match=why):
            act(verb, manager, *titles)
    with pytest.raises(ActionNotAllowed):
        act(ActionVerb.KEEP, make_user(Role.VIEWER), "First", "Second")
    # Nothing is merged into what was retired meanwhile.
    Recording.objects.filter(title="First").update(status=RecordingStatus.RETIRED)
    with pytest.raises(ActionRefused, match="has been retired"):
        act(ActionVerb.MERGE, manager, "First", "Second")
    assert by_title("Second").status == RecordingStatus.READY


def test_undo_refuses_what_changed_since_and_reviewers(bucket: Bucket, manager: User) -> None:
    done = act(ActionVerb.MERGE, manager, "First", "Second")
    with pytest.raises(ActionNotAllowed):
        actions.undo(action=done, user=make_user(Role.REVIEWER))
    first = Recording.objects.filter(title="First")
    first.update(label="New label")
    with pytest.raises(ActionRefused, match="First"):
        actions.undo(action=done, user=manager)

    first.update(label="")
    RecordingFactory.create(bucket=bucket, custom_id=by_title("Second").custom_id)
    with pytest.raises(ActionRefused, match="belongs to"):
        actions.undo(action=done, user=manager)

"""The effects of excluding an interval of a recording on its matches."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from base.accounts.models import AccessLimit, User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Exclusion, Recording, RecordingStatus
from review import errors
from review.choices import MatchState, QueueReason
from review.counting import count_segments
from review.models import Match
from review.services import exclusions, joining, transitions
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import SegmentFactory

pytestmark = pytest.mark.django_db

INTRO = (5_000, 25_000)
"""Where the matches of the tests lie in the recording, unless they say otherwise."""


def exclude(
    recording: Recording, interval: tuple[int, int], user: User, *chosen: Match
) -> Exclusion:
    return exclusions.exclude(
        recording=recording,
        interval=interval,
        reason="shared_loop",
        user=user,
        chosen={match.uid for match in chosen},
    )


def test_a_match_counts_without_what_is_excluded(manager: User) -> None:
    inside, part, edge, licensed = RecordingFactory.create_batch(4)
    make_licence(recordings=[licensed])
    exclude(inside, INTRO, manager)
    exclude(part, (0, 10_000), manager)
    # The rest at an edge does not count.
    exclude(edge, (5_200, 24_900), manager)
    exclude(licensed, INTRO, manager)

    match, counted = make_match(recording=inside), make_match(recording=part)

    assert match.state == MatchState.SUPPRESSED
    assert match.queue_reason == QueueReason.EXCLUDED
    assert (match.matched_ms, match.excluded_ms) == (0, 20_000)
    assert match.wholly_excluded
    assert counted.state == MatchState.PENDING
    assert (counted.matched_ms, counted.longest_ms) == (15_000, 15_000)
    assert counted.excluded_ms == 5_000
    assert str(counted.source_coverage_pct) == "2.50"
    assert str(counted.reference_coverage_pct) == "8.33"
    for recording in (edge, licensed):
        assert make_match(recording=recording).state == MatchState.SUPPRESSED
    event = Event.objects.get(case=f"recording:{inside.uid}")
    assert (event.action, event.reason) == ("exclusion.added", "shared_loop")


def test_exclusions_count_by_the_recording_that_was_heard_before_a_merge(
    recording: Recording, manager: User
) -> None:
    claim, waiting = make_match(recording=recording), make_match(recording=recording)
    deciding.confirm(match=claim, user=manager, version=claim.version)
    stays = RecordingFactory.create(bucket=recording.bucket)
    Recording.objects.filter(pk=recording.pk).update(
        merged_into=stays, status=RecordingStatus.RETIRED
    )
    joining.follow_merge(merged=[recording], stays=stays, merge="d_1", user=manager)
    waiting.refresh_from_db()
    recording.refresh_from_db()

    effects = exclusions.preview(recording=recording, start_ms=0, end_ms=10_000)
    with pytest.raises(errors.NotPossible, match="which was merged since"):
        deciding.exclude_part(
            match=waiting,
            user=manager,
            version=waiting.version,
            interval=INTRO,
            reason="shared_loop",
        )
    exclude(recording, (0, 10_000), manager)

    assert [(touched.match, touched.left_ms) for touched in effects.touched] == [
        (claim, 15_000),
        (waiting, 15_000),
    ]
    for match in (claim, waiting):
        match.refresh_from_db()
        assert (match.recording, match.matched_ms) == (stays, 15_000)


def test_matches_that_the_person_does_not_see_are_counted_too(recording: Recording) -> None:
    seen, hidden = make_match(recording=recording), make_match(recording=recording)
    limited = make_user(Role.MANAGER)
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, containers=[seen.scanned_file.container_id])
    limited.groups.add(group)

    with working_for(limited):
        exclude(recording, (0, 10_000), limited)

    for match in (seen, hidden):
        match.refresh_from_db()
        assert match.matched_ms == 15_000


def test_interval_is_found_in_a_source_that_plays_faster() -> None:
    segment = SegmentFactory.build(
        detection=None,
        start_ms=100_000,
        end_ms=110_000,
        reference_start_ms=0,
        reference_end_ms=20_000,
    )

    counted = count_segments([segment], {None: [(0, 10_000)]}).counted

    assert counted == [(105_000, 110_000)]


def test_preview_counts_what_saving_then_does(
    recording: Recording, manager: User, reviewer: User
) -> None:
    pending = make_match(recording=recording)
    escalated = make_match(recording=recording)
    deciding.escalate(match=escalated, user=reviewer, version=1, note="a loop?")
    ticked, unticked, rejected = (make_match(recording=recording) for _ in range(3))
    for match in (ticked, unticked):
        deciding.confirm(match=match, user=reviewer, version=1)
    deciding.reject(match=rejected, user=reviewer, version=1, reason="noise")
    partly = make_match((0, 40_000, 0, 40_000), recording=recording)
    elsewhere = make_match((0, 9_000, 60_000, 69_000), recording=recording)

    preview = exclusions.preview(recording=recording, start_ms=5_000, end_ms=25_000)
    exclude(recording, INTRO, manager, ticked, rejected)

    assert {touched.match for touched in preview.suppressed} == {pending, escalated}
    assert {touched.match for touched in preview.offered} == {ticked, unticked}
    assert [touched.left_ms for touched in preview.touched if touched.match == partly] == [20_000]
    assert preview.by_state == {"pending": 2, "escalated": 1, "confirmed": 2, "rejected": 1}
    states = dict(Match.objects.values_list("pk", "state"))
    assert states == {
        pending.pk: MatchState.SUPPRESSED,
        escalated.pk: MatchState.SUPPRESSED,
        ticked.pk: MatchState.SUPPRESSED,
        unticked.pk: MatchState.CONFIRMED,
        rejected.pk: MatchState.REJECTED,
        partly.pk: MatchState.PENDING,
        elsewhere.pk: MatchState.PENDING,
    }
    partly.refresh_from_db()
    assert (partly.matched_ms, partly.excluded_ms) == (20_000, 20_000)


def test_removal_puts_back_what_was_suppressed_or_claimed(
    recording: Recording, manager: User, reviewer: User
) -> None:
    match, rejected = make_match(recording=recording), make_match(recording=recording)
    longer = make_match((0, 40_000, 5_000, 45_000), recording=recording)
    deciding.confirm(match=longer, user=reviewer, version=1)
    deciding.reject(match=rejected, user=manager, version=1, reason="noise")
    segment = exclude(recording, INTRO, manager)
    longer.refresh_from_db()
    assert (longer.state, longer.matched_ms) == (MatchState.CONFIRMED, 20_000)

    returned = exclusions.remove(segment=segment, user=manager, reason="it is ours")

    for touched_match in (match, longer, rejected):
        touched_match.refresh_from_db()
    assert returned == 1
    assert match.state == MatchState.PENDING
    assert (match.excluded_ms, match.wholly_excluded) == (0, False)
    assert first_broken_event(case=match.case) is None
    # A claim gets back what was confirmed; a rejection for another reason stays.
    assert (longer.state, longer.matched_ms) == (MatchState.CONFIRMED, 40_000)
    assert rejected.state == MatchState.REJECTED
    with pytest.raises(errors.NotPossible):
        exclusions.remove(segment=segment, user=manager, reason="again")


def test_proposal_does_nothing_until_a_manager_approves(
    recording: Recording, manager: User, reviewer: User
) -> None:
    match = make_match(recording=recording)

    def propose(version: int) -> Match:
        return deciding.exclude_part(
            match=match, user=reviewer, version=version, interval=INTRO, reason="shared_loop"
        )

    assert propose(1).state == MatchState.ESCALATED
    undone = undo(match, reviewer)
    assert undone.state == MatchState.PENDING
    assert Exclusion.objects.get().removed_at is not None

    assert propose(undone.version).state == MatchState.ESCALATED
    assert make_match(recording=recording).state == MatchState.PENDING
    segment = Exclusion.objects.get(removed_at=None)
    with pytest.raises(errors.NotAllowed):
        exclusions.approve(segment=segment, user=reviewer)
    exclusions.approve(segment=segment, user=manager)
    match.refresh_from_db()
    assert match.state == MatchState.SUPPRESSED


def test_reviewer_undoes_no_exclusion_that_a_manager_has_put_in_force(
    recording: Recording, manager: User, reviewer: User
) -> None:
    match = make_match(recording=recording)
    deciding.exclude_part(match=match, user=reviewer, interval=(0, 10_000), reason="ident")
    segment = Exclusion.objects.get()
    exclusions.approve(segment=segment, user=manager)
    match.refresh_from_db()

    undone = deciding.undo(match=match, user=reviewer)

    segment.refresh_from_db()
    assert (undone.state, segment.removed_at) == (MatchState.PENDING, None)


def test_what_cannot_be_excluded_changes_nothing(
    recording: Recording, manager: User, reviewer: User
) -> None:
    match = make_match(recording=recording)

    with pytest.raises(errors.StaleMatch):
        deciding.exclude_part(match=match, user=manager, version=9, interval=INTRO, reason="ident")
    for interval in ((-1, 5), (5, 5), (0, 180_001)):
        with pytest.raises(errors.NotPossible):
            exclude(recording, interval, manager)
    for user in (reviewer, make_user(Role.VIEWER)):
        with pytest.raises(errors.NotAllowed):
            exclude(recording, INTRO, user)

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert not Exclusion.objects.exists()
    # A stale page names who excluded a part.
    exclude(recording, (0, 10_000), manager)
    with pytest.raises(errors.StaleMatch, match="Changed by mia"):
        deciding.confirm(match=match, user=reviewer, version=1)


def undo(match: Match, user: User) -> Match:
    match.refresh_from_db()
    return deciding.undo(match=match, user=user)


def test_a_managers_part_rejects_and_its_undo_or_end_brings_everything_back(
    recording: Recording, manager: User
) -> None:
    match, other_match = make_match(recording=recording), make_match(recording=recording)
    settled = make_match(recording=recording)
    deciding.confirm(match=settled, user=manager, version=1)

    def exclude_part(version: int) -> None:
        decided = deciding.exclude_part(
            match=match,
            user=manager,
            version=version,
            interval=INTRO,
            reason="shared_loop",
            chosen={settled.uid},
        )
        assert (decided.state, decided.decision_reason) == ("rejected", "shared_loop")
        for settled_match in (other_match, settled):
            settled_match.refresh_from_db()
            assert settled_match.state == MatchState.SUPPRESSED

    exclude_part(1)
    undone = undo(match, manager)

    other_match.refresh_from_db()
    settled.refresh_from_db()
    assert (undone.state, other_match.state) == (MatchState.PENDING, MatchState.PENDING)
    assert (settled.state, settled.decided_by) == (MatchState.CONFIRMED, manager)
    assert undone.excluded_ms == 0
    assert Exclusion.objects.get().removed_at is not None
    assert first_broken_event(case=match.case) is None

    # What was rejected for an exclusion reopens with its end.
    exclude_part(undone.version)
    exclusions.remove(
        segment=Exclusion.objects.get(removed_at=None), user=manager, reason="it is ours"
    )
    match.refresh_from_db()
    assert (match.state, match.decision_reason) == (MatchState.PENDING, "")


def test_a_claim_does_not_grow_beyond_what_was_confirmed(
    recording: Recording, manager: User, reviewer: User
) -> None:
    segment = exclude(recording, (0, 20_000), manager)
    match = make_match(recording=recording)
    deciding.confirm(match=match, user=reviewer)

    returned = exclusions.remove(segment=segment, user=manager, reason="it is ours")

    match.refresh_from_db()
    assert (match.state, match.queue_reason) == ("pending", QueueReason.REOPENED)
    assert (match.matched_ms, match.decided_by, returned) == (20_000, None, 1)
    event = transitions.last_event(match)
    assert event is not None
    assert event.action == "more_counts"

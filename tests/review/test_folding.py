"""Detections of a finished scan become matches; later scans update earlier ones."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Recording, RecordingStatus
from reports.rows import match_columns
from reports.selectors import match_rows
from review.choices import MatchState, PolicyAction, QueueReason
from review.errors import NothingToUndo, StaleMatch
from review.models import Licence, Match
from review.programmes.models import MusicUse
from review.services import locks
from review.services.folding import fold_scan
from scanning.choices import ScanStatus, Section
from scanning.models import Scan, ScannedFile
from scanning.results import scan_finished
from scanning.sources.links import source_read
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection

pytestmark = pytest.mark.django_db

OTHERS = [column.name for column in match_columns()].index("other_candidates")
SPAN = (100_000, 200_000, 0, 100_000)


def rescan(match: Match, *intervals: tuple[int, int, int, int], **segment: object) -> Match:
    """Fold another scan of the same file; return the live match of the recording."""
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    if intervals:
        make_detection(*intervals, scan=scan, recording=match.recording, segment=segment)
    fold_scan(scan=scan)
    return Match.objects.get(scanned_file=match.scanned_file, recording=match.recording)


def test_the_detections_of_each_recording_become_one_match() -> None:
    scan = ScanFactory.create()
    recording = RecordingFactory.create()
    make_detection((0, 10_000, 0, 10_000), scan=scan, recording=recording)
    make_detection(
        (20_000, 30_000, 20_000, 30_000), scan=scan, recording=recording, section=Section.MUSIC
    )
    make_detection((0, 10_000, 0, 10_000), scan=scan)

    # The signal of a finished scan folds it.
    scan_finished.send(sender=Scan, scan=scan)

    assert Match.objects.count() == 2
    match = Match.objects.get(recording=recording)
    assert match.state == MatchState.PENDING
    assert match.segment_count == 2
    assert match.matched_ms == 20_000
    event = Event.objects.get(case=match.case)
    assert (event.action, event.actor_name) == ("found", "system")
    assert event.after["state"] == "pending"


def test_match_keeps_how_often_its_source_was_seen() -> None:
    scan = ScanFactory.create()
    scan.scanned_file.platform_facts = {"view_count": 9_000}
    scan.scanned_file.save()
    match = make_match(scan=scan)
    assert match.source_views == 9_000

    scan.scanned_file.platform_facts = {"view_count": 12_000}
    scan.scanned_file.save()
    source_read.send(sender=ScannedFile, file=scan.scanned_file)

    match.refresh_from_db()
    assert (match.source_views, match.version) == (12_000, 1)


def test_an_interval_that_fits_two_copies_counts_once() -> None:
    scan = ScanFactory.create()
    copy, canonical = RecordingFactory.create(), RecordingFactory.create()
    grouped(copy, canonical)
    for recording in (copy, canonical):
        make_detection((0, 60_000, 0, 60_000), scan=scan, recording=recording)

    fold_scan(scan=scan)

    match = Match.objects.get()
    assert match.recording == canonical
    assert match_rows([match.pk], None)[match.pk][0][OTHERS] == [f"{copy.uid}:87.5:{copy.title}"]


@pytest.mark.parametrize(("end", "matches"), [(50_000, 1), (50_001, 2)])
def test_a_copy_of_which_four_fifths_are_covered_is_no_match_of_its_own(
    end: int, matches: int
) -> None:
    scan = ScanFactory.create()
    copy, canonical = RecordingFactory.create(), RecordingFactory.create()
    grouped(copy, canonical)
    make_detection((0, 40_000, 0, 40_000), scan=scan, recording=canonical)
    make_detection((0, end, 0, end), scan=scan, recording=copy)

    fold_scan(scan=scan)

    assert Match.objects.count() == matches


def test_a_copy_heard_elsewhere_too_is_a_match_of_its_own() -> None:
    scan = ScanFactory.create()
    copy, canonical = RecordingFactory.create(), RecordingFactory.create()
    grouped(copy, canonical)
    make_detection((0, 60_000, 0, 60_000), scan=scan, recording=canonical)
    make_detection((80_000, 120_000, 0, 40_000), scan=scan, recording=copy)

    fold_scan(scan=scan)

    assert {match.recording for match in Match.objects.all()} == {copy, canonical}


def test_a_rescan_after_grouping_goes_on_with_one_match() -> None:
    for decided in (True, False):
        first = ScanFactory.create()
        copy, canonical = RecordingFactory.create(), RecordingFactory.create()
        for recording in (copy, canonical):
            make_detection((0, 60_000, 0, 60_000), scan=first, recording=recording)
        fold_scan(scan=first)
        of_copy = Match.objects.get(recording=copy)
        if decided:
            deciding.confirm(match=of_copy, user=make_user(Role.MANAGER), version=1)
        grouped(copy, canonical)
        second = ScanFactory.create(scanned_file=first.scanned_file)
        for recording in (copy, canonical):
            make_detection((0, 60_000, 0, 60_000), scan=second, recording=recording)

        fold_scan(scan=second)

        goes_on = Match.objects.get(scanned_file=first.scanned_file)
        expected = MatchState.CONFIRMED if decided else MatchState.PENDING
        assert (goes_on.recording, goes_on.state) == (canonical, expected)
        assert goes_on.aliases.get().uid == of_copy.uid


def test_a_decision_on_a_copy_goes_on_with_the_one_that_counts() -> None:
    first = ScanFactory.create()
    copy, canonical = RecordingFactory.create(), RecordingFactory.create()
    make_detection((0, 60_000, 0, 60_000), scan=first, recording=copy)
    fold_scan(scan=first)
    deciding.confirm(match=Match.objects.get(), user=make_user(Role.MANAGER), version=1)
    grouped(copy, canonical)
    second = ScanFactory.create(scanned_file=first.scanned_file)
    for recording in (copy, canonical):
        make_detection((0, 60_000, 0, 60_000), scan=second, recording=recording)

    fold_scan(scan=second)

    live = Match.objects.get()
    assert (live.recording, live.state) == (canonical, MatchState.CONFIRMED)


def test_two_recordings_at_one_place_are_asked_about() -> None:
    scan = ScanFactory.create()
    for end in (60_000, 40_000):
        make_detection((0, end, 0, end), scan=scan, recording=RecordingFactory.create())
    make_detection((90_000, 150_000, 0, 60_000), scan=scan, recording=RecordingFactory.create())

    fold_scan(scan=scan)

    matches = Match.objects.order_by("pk").values_list("queue_reason", "rivals")
    assert list(matches) == [
        (QueueReason.TWO_CANDIDATES, 1),
        (QueueReason.TWO_CANDIDATES, 1),
        (QueueReason.DEFAULT, 0),
    ]


def test_a_short_interval_of_three_recordings_is_a_shared_loop() -> None:
    scan = ScanFactory.create()
    for _ in range(3):
        make_detection((0, 15_000, 0, 15_000), scan=scan, recording=RecordingFactory.create())

    fold_scan(scan=scan)

    reasons = set(Match.objects.values_list("queue_reason", flat=True))
    assert reasons == {QueueReason.SHARED_LOOP}


def test_an_isrc_that_is_not_the_recordings_is_asked_about() -> None:
    recording = RecordingFactory.create(isrc_normalised="ZZX012600001")
    for message, reason in (
        ("ZZ-X01-26-00001", QueueReason.DEFAULT),
        ("ZZX012600002", QueueReason.METADATA_CONFLICT),
        ("no code", QueueReason.DEFAULT),
    ):
        file = ScannedFileFactory.create(facts={"tags": {"isrc": message}})
        scan = ScanFactory.create(scanned_file=file)
        match = make_match((0, 60_000, 0, 60_000), scan=scan, recording=recording)

        assert match.queue_reason == reason, message


def grouped(copy: Recording, canonical: Recording) -> None:
    copy.same_sound_as = canonical
    copy.save()


def test_a_scan_that_failed_or_is_older_folds_nothing() -> None:
    failed, older = ScanFactory.create(status=ScanStatus.FAILED), ScanFactory.create()
    for scan in (failed, older):
        make_detection(SPAN, scan=scan)
    ScanFactory.create(scanned_file=older.scanned_file)

    for scan in (failed, older):
        fold_scan(scan=scan)

    assert not Match.objects.exists()


def test_folding_twice_changes_nothing() -> None:
    match = make_match(SPAN)
    lost = make_match((0, 9_000, 0, 9_000), scan__scanned_file=match.scanned_file)
    before = list(Match.objects.order_by("pk").values())
    events = Event.objects.count()

    fold_scan(scan=lost.scan)

    assert list(Match.objects.order_by("pk").values()) == before
    assert Event.objects.count() == events


def test_floor_of_the_container_decides_who_sees_a_match() -> None:
    for score, state, reason in (
        (Decimal("49.9"), MatchState.SUPPRESSED, QueueReason.BELOW_FLOOR),
        (Decimal("50.0"), MatchState.PENDING, QueueReason.LOW_SCORE),
        (Decimal("60.0"), MatchState.PENDING, QueueReason.DEFAULT),
        (None, MatchState.PENDING, QueueReason.DEFAULT),
    ):
        match = make_match(SPAN, score=score)

        assert (match.state, match.queue_reason) == (state, reason), score


def test_why_here_names_the_most_careful_reason_first() -> None:
    altered = make_match(
        (0, 3_000, 0, 3_000), segment={"tempo_ratio": Decimal("1.03")}, speech=(0.9, 0.9)
    )
    speech = make_match((0, 3_000, 0, 3_000), speech=(0.9, 0.9))
    short = make_match((0, 4_999, 0, 4_999))

    assert altered.queue_reason == QueueReason.ALTERED
    assert speech.queue_reason == QueueReason.UNDER_SPEECH
    assert short.queue_reason == QueueReason.SHORT


def test_recording_added_after_the_first_scan_is_found_late() -> None:
    first = ScanFactory.create()
    recording = RecordingFactory.create()
    assert first.finished_at is not None
    Recording.objects.filter(pk=recording.pk).update(
        created_at=first.finished_at + timedelta(days=1)
    )
    recording.refresh_from_db()

    match = make_match(SPAN, scan__scanned_file=first.scanned_file, recording=recording)

    assert match.found_late
    assert match.queue_reason == QueueReason.FOUND_LATE


def test_a_scan_with_the_same_result_changes_evidence_and_leaves_one_event() -> None:
    match, reviewer = make_match(SPAN), make_user(Role.REVIEWER)
    seen = locks.take_lock(match=match, user=reviewer)

    again = rescan(match, SPAN)

    changed = {
        name
        for name, value in Match.objects.filter(pk=again.pk).values()[0].items()
        if value != getattr(seen, name)
    }
    assert changed == {"scan_id", "version", "updated_at"}
    assert [row.scan for row in again.detections.all()] == [again.scan]
    assert first_broken_event(case=match.case) is None
    events = Event.objects.filter(case=match.case).order_by("sequence")
    assert [event.action for event in events] == ["found", "take", "scanned_again"]
    # The person who reviews it goes on as if nothing had happened.
    confirmed = deciding.confirm(match=again, user=reviewer, version=seen.version)
    assert confirmed.state == MatchState.CONFIRMED


def test_a_key_is_refused_once_where_a_scan_changed_what_its_person_sees() -> None:
    match, reviewer = make_match(SPAN), make_user(Role.REVIEWER)
    seen = locks.take_lock(match=match, user=reviewer).version

    again = rescan(match, (300_000, 310_000, 0, 10_000))

    assert (again.state, again.locked_by) == (MatchState.IN_REVIEW, reviewer)
    with pytest.raises(StaleMatch, match="A later scan changed what you see at"):
        deciding.confirm(match=match, user=reviewer, version=seen)
    deciding.confirm(match=again, user=reviewer, version=again.version)


def test_a_scan_that_asks_again_is_named_to_whoever_decides_on_what_it_replaced() -> None:
    match, reviewer = make_match(SPAN), make_user(Role.REVIEWER)
    decided = deciding.confirm(match=match, user=reviewer)

    rescan(match, (300_000, 310_000, 0, 10_000))

    with pytest.raises(StaleMatch, match="A later scan changed what you see at"):
        deciding.reject(match=match, user=reviewer, reason="noise", version=decided.version)


def test_a_policy_takes_a_match_from_nobody_who_reviews_it() -> None:
    match, reviewer = make_match(SPAN), make_user(Role.REVIEWER)
    locks.take_lock(match=match, user=reviewer)
    make_policy(action=PolicyAction.CONFIRM)

    again = rescan(match, SPAN)

    assert (again.state, again.locked_by) == (MatchState.IN_REVIEW, reviewer)
    locks.release_lock(match=again, user=reviewer)
    assert rescan(match, SPAN).state == MatchState.CONFIRMED


@pytest.mark.parametrize(
    ("action", "state"),
    [(PolicyAction.CONFIRM, MatchState.CONFIRMED), (PolicyAction.SUPPRESS, MatchState.SUPPRESSED)],
)
def test_people_decide_again_what_they_decided_and_rules_what_they_settled(
    action: PolicyAction, state: MatchState
) -> None:
    elsewhere = (300_000, 310_000, 0, 10_000)
    by_person = make_match(SPAN, recording__duration_ms=600_000)
    deciding.confirm(match=by_person, user=make_user(Role.REVIEWER))
    recording = RecordingFactory.create(duration_ms=600_000)
    licence = make_licence(recordings=[recording])
    by_licence = make_match(SPAN, recording=recording)
    assert by_licence.state == MatchState.CLEARED
    Licence.objects.filter(pk=licence.pk).update(active=False)
    make_policy(action=action)

    match = rescan(by_person, elsewhere)

    assert (match.state, match.queue_reason) == (MatchState.PENDING, QueueReason.RESCAN_CHANGED)
    assert rescan(by_licence, elsewhere).state == state


def test_no_policy_confirms_what_a_scan_asked_people_again() -> None:
    match = make_match(SPAN)
    deciding.confirm(match=match, user=make_user(Role.REVIEWER))
    elsewhere = (300_000, 310_000, 0, 10_000)
    make_policy(action=PolicyAction.CONFIRM)

    for _ in range(2):
        again = rescan(match, elsewhere)

        assert (again.state, again.queue_reason) == (MatchState.PENDING, QueueReason.RESCAN_CHANGED)


def test_one_id_lives_through_scans_and_merges() -> None:
    first = make_match(SPAN)
    stays = rescan(first, SPAN).recording
    for _ in range(2):
        merged, stays = stays, RecordingFactory.create()
        Recording.objects.filter(pk=merged.pk).update(
            status=RecordingStatus.RETIRED, merged_into=stays
        )
        scan = ScanFactory.create(scanned_file=first.scanned_file)
        make_detection(SPAN, scan=scan, recording=stays)
        fold_scan(scan=scan)

    match = Match.objects.get()
    assert (match.pk, match.uid, match.recording) == (first.pk, first.uid, stays)
    assert match.created_at == first.created_at
    named = Event.objects.filter(case=match.case, action="named_otherwise")
    assert named.count() == 2


def test_decision_is_carried_from_80_percent_overlap() -> None:
    reviewer = make_user(Role.REVIEWER)
    for end, state, reason in (
        (180_000, MatchState.REJECTED, QueueReason.DEFAULT),
        (179_999, MatchState.PENDING, QueueReason.RESCAN_CHANGED),
    ):
        match = make_match(SPAN, recording__duration_ms=600_000)
        decided = deciding.reject(match=match, user=reviewer, reason="other", note="a jingle")

        follower = rescan(match, (100_000, end, 0, end - 100_000))

        assert (follower.state, follower.queue_reason) == (state, reason)
        if state == MatchState.REJECTED:
            assert follower.decided_by == reviewer
            assert follower.decided_at == decided.decided_at
            assert (follower.decision_reason, follower.note) == ("other", "a jingle")


def test_a_decision_can_be_undone_after_a_scan_with_the_same_result() -> None:
    reviewer = make_user(Role.REVIEWER)
    match = make_match(SPAN)
    deciding.clear(match=match, user=reviewer, reason="our own channel")

    again = rescan(match, SPAN)
    undone = deciding.undo(match=again, user=reviewer)

    assert (undone.state, undone.decided_by) == (MatchState.PENDING, None)


def test_a_decision_cannot_be_undone_once_a_scan_asked_again() -> None:
    reviewer = make_user(Role.REVIEWER)
    match = make_match(SPAN)
    deciding.confirm(match=match, user=reviewer, version=1)

    again = rescan(match, (300_000, 310_000, 0, 10_000))

    with pytest.raises(NothingToUndo):
        deciding.undo(match=again, user=reviewer)


def test_changed_relation_asks_again() -> None:
    match = make_match(SPAN)
    deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)

    follower = rescan(match, SPAN, tempo_ratio=Decimal("1.03"))

    assert follower.state == MatchState.PENDING
    assert follower.queue_reason == QueueReason.RESCAN_CHANGED


def test_match_that_was_asked_again_still_says_so_after_another_scan() -> None:
    match = make_match(SPAN)
    deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)
    asked_again = rescan(match, (300_000, 310_000, 0, 10_000))

    follower = rescan(asked_again, (300_000, 310_000, 0, 10_000))

    assert follower.queue_reason == QueueReason.RESCAN_CHANGED


def test_match_is_lost_and_keeps_its_state_until_it_is_found_again() -> None:
    match = make_match(SPAN)
    deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)

    survivor = rescan(match)

    assert survivor.pk == match.pk
    assert survivor.lost
    assert survivor.state == MatchState.CONFIRMED
    assert Event.objects.filter(case=match.case).first().action == "lost"  # type: ignore[union-attr]  # there are events
    follower = rescan(survivor, SPAN)
    assert (follower.lost, follower.found_late) == (False, False)


def test_a_decision_can_be_undone_after_a_scan_that_did_not_find_the_match() -> None:
    match, reviewer = make_match(SPAN), make_user(Role.REVIEWER)
    deciding.confirm(match=match, user=reviewer)

    undone = deciding.undo(match=rescan(match), user=reviewer)

    assert (undone.state, undone.lost) == (MatchState.PENDING, True)


def test_the_match_of_a_stub_becomes_one_with_that_of_our_recording() -> None:
    match, reviewer = make_match(SPAN), make_user(Role.REVIEWER)
    stub = RecordingFactory.create(
        status=RecordingStatus.STUB, isrc="DEA371400001", isrc_normalised="DEA371400001"
    )
    make_detection(SPAN, scan=match.scan, recording=stub)
    fold_scan(scan=match.scan)
    of_stub = Match.objects.get(recording=stub)
    MusicUse.objects.create(scanned_file=match.scanned_file, recording=stub)
    deciding.confirm(match=of_stub, user=reviewer)
    Recording.objects.filter(pk=match.recording_id).update(isrc_normalised=stub.isrc_normalised)

    again = rescan(match, SPAN)

    assert (again.pk, again.state) == (match.pk, MatchState.CONFIRMED)
    assert again.aliases.get().uid == of_stub.uid
    assert MusicUse.objects.get().recording_id == match.recording_id


def test_match_of_a_bucket_that_was_not_searched_is_not_lost() -> None:
    match = make_match(SPAN)
    scan = ScanFactory.create(
        scanned_file=match.scanned_file,
        buckets=[{"id": BucketFactory.create().pk, "name": "another"}],
    )

    fold_scan(scan=scan)

    match.refresh_from_db()
    assert not match.lost


def test_a_recording_that_was_merged_while_its_file_was_scanned_counts_once() -> None:
    scan = ScanFactory.create()
    stays = RecordingFactory.create()
    merged = RecordingFactory.create(bucket=stays.bucket)
    for recording in (merged, stays):
        make_detection(SPAN, scan=scan, recording=recording)
    Recording.objects.filter(pk=merged.pk).update(status=RecordingStatus.RETIRED, merged_into=stays)

    fold_scan(scan=scan)

    match = Match.objects.get(scanned_file=scan.scanned_file)
    assert match.recording == stays
    assert match.rivals == 0


def test_matches_of_recordings_that_were_merged_go_on_as_one() -> None:
    user = make_user(Role.REVIEWER)
    elsewhere = (300_000, 400_000, 0, 100_000)
    for decide, state, reason in (
        (deciding.confirm, MatchState.CONFIRMED, QueueReason.DEFAULT),
        # They disagree, so a person decides again.
        (
            partial(deciding.reject, reason="not_our_recording"),
            MatchState.PENDING,
            QueueReason.DECIDED_BOTH_WAYS,
        ),
    ):
        match = make_match(SPAN, recording__duration_ms=600_000)
        stays = match.recording
        merged = RecordingFactory.create(bucket=stays.bucket, duration_ms=600_000)
        make_detection(elsewhere, scan=match.scan, recording=merged)
        fold_scan(scan=match.scan)
        other_match = Match.objects.get(recording=merged)
        deciding.confirm(match=match, user=user)
        decide(match=other_match, user=user)
        Recording.objects.filter(pk=merged.pk).update(
            status=RecordingStatus.RETIRED, merged_into=stays
        )

        follower = rescan(match, SPAN, elsewhere)

        assert (follower.state, follower.queue_reason) == (state, reason)
        assert follower.aliases.get().uid == other_match.uid


def test_a_rule_decides_no_match_before_it_is_found() -> None:
    make_policy(action=PolicyAction.CONFIRM)

    match = make_match()

    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    assert match.decided_at == match.created_at

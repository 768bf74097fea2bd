"""Merging recordings joins their matches; undoing the merge restores all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Recording
from dedup import actions
from dedup.effects import ActionRequest
from dedup.models import ActionVerb, DedupAction, DedupGroup
from dedup.services import find_duplicates
from review import match_events, selectors
from review.choices import DisputeStatus, MatchState, PolicyAction, QueueReason
from review.filters import search_condition
from review.labels import done
from review.models import Match, MatchAlias
from review.programmes.models import MusicUse
from review.services import grounds, locks
from review.services.folding import fold_scan
from review.versions import candidates_of
from scanning.choices import ScanStatus, Section
from scanning.models import Scan, ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.factories.scanning import ScanFactory, make_detection
from web.portal.accounts.erasure import erase

pytestmark = pytest.mark.django_db

SPAN = (100_000, 200_000, 0, 100_000)
INSIDE = (110_000, 195_000, 10_000, 95_000)
ELSEWHERE = (300_000, 400_000, 0, 100_000)
Decide = Callable[..., Match]


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mira")


@pytest.fixture
def reviewer() -> User:
    return make_user(Role.REVIEWER, username="ana")


def two_matches(
    first_span: tuple[int, int, int, int] = SPAN, second_span: tuple[int, int, int, int] = INSIDE
) -> tuple[Match, Match]:
    """Return matches of one file with two recordings of the same sound."""
    stays = RecordingFactory.create(duration_ms=600_000)
    merged = RecordingFactory.create(bucket=stays.bucket, duration_ms=600_000)
    for recording in (stays, merged):
        recording.audio_sha256, recording.audio_bytes = "ab" * 32, 10
        recording.save()
    scan = ScanFactory.create()
    make_detection(first_span, scan=scan, recording=stays)
    make_detection(second_span, scan=scan, recording=merged)
    fold_scan(scan=scan)
    return Match.objects.get(recording=stays), Match.objects.get(recording=merged)


def merge(stays: Recording, merged: Recording, user: User, *recordings: Recording) -> DedupAction:
    find_duplicates(bucket=stays.bucket)
    group = DedupGroup.objects.get(members__recording=stays)
    uids = [recording.uid for recording in (stays, merged, *recordings)]
    actions.act_on_group(
        verb=ActionVerb.MERGE,
        group=group,
        user=user,
        version=group.version,
        seen=uids,
        selection=ActionRequest(recordings=uids, canonical=stays.uid),
    )
    return DedupAction.objects.latest("pk")


def undo(action: DedupAction, user: User) -> None:
    actions.undo(action=action, user=user)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows that a merge may touch, but for what only an undo may change."""
    rows = {
        "matches": Match.objects.order_by("pk").values(),
        "evidence": Match.detections.through.objects.order_by("match", "detection").values(
            "match", "detection"
        ),
        "candidates": Match.candidates.through.objects.order_by("match", "detection").values(
            "match", "detection"
        ),
        "uses": MusicUse.objects.order_by("pk").values(),
        "aliases": MatchAlias.objects.values(),
    }
    changing = {"version", "updated_at"}
    return {
        name: [{key: value for key, value in row.items() if key not in changing} for row in values]
        for name, values in rows.items()
    }


def test_a_merge_joins_the_matches_and_their_ids_lead_to_one(client: Client, manager: User) -> None:
    survivor, former = two_matches()

    merge(survivor.recording, former.recording, manager)

    match = Match.objects.get()
    assert (match.pk, match.uid) == (survivor.pk, survivor.uid)
    client.force_login(manager)
    answer = client.get(f"/m/{former.uid}?from=queue")
    assert (answer.status_code, answer["Location"]) == (308, f"/m/{survivor.uid}?from=queue")
    program = client.get(f"/api/portal/v1/matches/{former.uid}/")
    assert program.status_code == 308
    assert program["Location"] == f"/api/portal/v1/matches/{survivor.uid}/"
    sent = client.post(f"/m/{former.uid}/decide", {"verb": "confirm", "version": match.version})
    assert sent.status_code == 302
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert "were merged" in client.get(sent["Location"]).content.decode()
    matches = Match.objects.filter(search_condition(former.uid))
    assert list(matches) == [match]
    page = client.get("/search/", {"q": former.uid}).content.decode()
    assert f"/m/{survivor.uid}" in page
    cases = {event.case for event in selectors.events_of(match)}
    assert cases == {survivor.case, former.case}
    for case in cases:
        assert first_broken_event(case=case) is None


def test_a_match_without_a_twin_in_its_file_names_the_recording_that_stays(manager: User) -> None:
    survivor, _former = two_matches()
    merged = _former.recording
    alone = make_match(SPAN, recording=merged)
    MusicUse.objects.create(scanned_file=alone.scanned_file, recording=merged)
    before = everything()

    action = merge(survivor.recording, merged, manager)

    alone.refresh_from_db()
    assert alone.recording == survivor.recording
    use = MusicUse.objects.get(scanned_file=alone.scanned_file)
    assert use.recording == survivor.recording
    # Reference times stay those of the recording that was heard.
    assert [row.recording for row in alone.detections.all()] == [merged]
    undo(action, manager)
    assert everything() == before
    trail = Event.objects.filter(case=f"file:{alone.scanned_file.uid}").order_by("pk")
    named = [(event.before["recording"], event.after["recording"]) for event in trail]
    stays = survivor.recording.uid
    assert named == [(merged.uid, stays), (stays, merged.uid)]


def test_after_an_undo_with_a_scan_between_a_rescan_tells_both_apart(
    manager: User, reviewer: User
) -> None:
    survivor, former = two_matches(SPAN, ELSEWHERE)
    stays, merged = survivor.recording, former.recording
    alone = make_match(SPAN, recording=merged)
    _confirm(alone, reviewer)
    files = [survivor.scanned_file, alone.scanned_file]
    action = merge(stays, merged, manager)
    for file in files:
        scan = ScanFactory.create(scanned_file=file)
        make_detection(SPAN, scan=scan, recording=stays)
        fold_scan(scan=scan)
    assert Match.objects.count() == 2

    undo(action, manager)

    scans = Scan.objects.filter(status=ScanStatus.QUEUED)
    assert {scan.scanned_file for scan in scans} == set(files)
    alone.refresh_from_db()
    assert (alone.recording, alone.state) == (merged, MatchState.CONFIRMED)
    for scan in scans:
        Scan.objects.filter(pk=scan.pk).update(status=ScanStatus.SUCCEEDED)
        scan.refresh_from_db()
        recordings = [(stays, SPAN), (merged, ELSEWHERE)]
        if scan.scanned_file == alone.scanned_file:
            recordings = [(merged, SPAN)]
        for recording, span in recordings:
            make_detection(span, scan=scan, recording=recording)
        fold_scan(scan=scan)

    def history(match: Match) -> list[str]:
        events = Event.objects.filter(case=match.case).order_by("sequence")
        return list(events.values_list("action", flat=True))

    assert history(survivor) == [*("found", "joined", "scanned_again", "parted", "scanned_again")]
    assert history(former) == ["found", "joined_into", "parted", "scanned_again"]
    assert history(alone) == [
        *("found", "confirm", "named_otherwise", "scanned_again"),
        *("named_otherwise", "scanned_again"),
    ]
    ways = Event.objects.filter(case=alone.case, action="named_otherwise").order_by("sequence")
    assert [done(event) for event in ways] == [
        "named the recording that now stands for it",
        "undid the merge, so that it names its own recording again",
    ]
    alone.refresh_from_db()
    assert alone.state == MatchState.CONFIRMED
    assert [row.recording for row in alone.detections.all()] == [merged]


def _confirm(match: Match, user: User) -> Match:
    return deciding.confirm(match=match, user=user)


def _reject(match: Match, user: User, reason: str = "not_our_recording") -> Match:
    return deciding.reject(match=match, user=user, reason=reason)


def _leave(match: Match, _user: User) -> Match:
    return match


WRONG = partial(_reject, reason="wrong_recording")


@pytest.mark.parametrize(
    ("first_decision", "second_decision", "spans", "state", "reason"),
    [
        (_leave, _leave, (SPAN, INSIDE), "pending", "two_candidates"),
        (_confirm, _leave, (SPAN, INSIDE), "confirmed", None),
        (_leave, _confirm, (SPAN, INSIDE), "confirmed", None),
        (_leave, _confirm, (SPAN, ELSEWHERE), "pending", "rescan_changed"),
        (_confirm, _confirm, (SPAN, INSIDE), "confirmed", None),
        (_confirm, _reject, (SPAN, INSIDE), "pending", "decided_both_ways"),
        # It was a choice between the two.
        (_confirm, WRONG, (SPAN, INSIDE), "confirmed", None),
        (WRONG, _confirm, (SPAN, INSIDE), "confirmed", None),
        (WRONG, _leave, (SPAN, INSIDE), "pending", None),
    ],
)
def test_a_join_decides_by_both_and_the_undo_is_exact(
    first_decision: Decide,
    second_decision: Decide,
    spans: tuple[tuple[int, int, int, int], tuple[int, int, int, int]],
    state: str,
    reason: str | None,
    manager: User,
    reviewer: User,
) -> None:
    survivor, former = two_matches(*spans)
    first_decision(survivor, reviewer)
    second_decision(former, reviewer)
    before = everything()

    action = merge(survivor.recording, former.recording, manager)

    match = Match.objects.get()
    assert match.state == state
    assert reason is None or match.queue_reason == reason
    assert match.decided_at is None or match.created_at <= match.decided_at
    undo(action, manager)
    assert everything() == before
    # Each history says what happened to its side.
    stayed, returned = (
        done(selectors.events_of(Match.objects.get(pk=match.pk))[0]) for match in (survivor, former)
    )
    assert returned == "made it a match of its own again"
    assert stayed.startswith("took the joined match out of it again")
    assert stayed.endswith("and what was decided with it: Pending") == (
        state != "pending" and first_decision is _leave
    )


def test_what_was_decided_both_ways_is_first_and_shows_both_decisions(
    manager: User, reviewer: User
) -> None:
    survivor, former = two_matches()
    _confirm(survivor, reviewer)
    _reject(former, reviewer)
    make_match()

    merge(survivor.recording, former.recording, manager)

    match = Match.objects.get(pk=survivor.pk)
    assert match.queue_reason == QueueReason.DECIDED_BOTH_WAYS
    assert {row.state for row in selectors.earlier_decisions(match)} == {
        MatchState.CONFIRMED,
        MatchState.REJECTED,
    }
    waiting = selectors.waiting().order_by("due_at")
    assert waiting.exclude(due_at=None).first() == match


def test_whoever_reviews_goes_on_where_the_other_was_the_wrong_recording(
    manager: User, reviewer: User
) -> None:
    survivor, former = two_matches()
    WRONG(survivor, reviewer)
    locks.take_lock(match=former, user=reviewer)

    merge(survivor.recording, former.recording, manager)

    match = Match.objects.get()
    assert (match.state, match.locked_by) == (MatchState.IN_REVIEW, reviewer)
    assert deciding.confirm(match=match, user=reviewer).state == MatchState.CONFIRMED


def test_no_rule_answers_what_people_decided_both_ways(manager: User, reviewer: User) -> None:
    survivor, former = two_matches()
    _confirm(survivor, reviewer)
    _reject(former, reviewer)
    make_policy(action=PolicyAction.CONFIRM)

    merge(survivor.recording, former.recording, manager)
    grounds.again(matches=[survivor], actor=manager)
    fold_scan(scan=ScanFactory.create(scanned_file=survivor.scanned_file))

    match = Match.objects.get()
    assert (match.state, match.queue_reason) == (MatchState.PENDING, QueueReason.DECIDED_BOTH_WAYS)


def test_a_merge_of_many_files_records_of_each_what_moved_in_it(manager: User) -> None:
    survivor, former = two_matches()
    alone = [make_match(SPAN, recording=former.recording) for _ in range(2)]
    uses = {
        match.case: MusicUse.objects.create(
            scanned_file=match.scanned_file, recording=former.recording
        ).pk
        for match in alone
    }
    before = everything()

    action = merge(survivor.recording, former.recording, manager)

    events = Event.objects.filter(action=match_events.NAMED_OTHERWISE)
    moved = {event.case: event.after["moved"] for event in events}
    assert moved == {case: {"uses": [use]} for case, use in uses.items()}
    assert MatchAlias.objects.get().kept["moved"] == {}
    undo(action, manager)
    assert everything() == before


def test_an_undo_writes_an_erased_name_nowhere(manager: User, reviewer: User) -> None:
    survivor, former = two_matches()
    for match in (survivor, former):
        _confirm(match, reviewer)
    action = merge(survivor.recording, former.recording, manager)

    erase(person=reviewer, actor=manager)

    assert "ana" not in str(MatchAlias.objects.get().kept)
    undo(action, manager)
    names = set(Match.objects.values_list("decided_by_name", flat=True))
    assert names == {f"erased-{reviewer.pk}"}


def test_evidence_that_says_more_counts_with_the_joined_match(manager: User) -> None:
    survivor, former = two_matches(SPAN, ELSEWHERE)

    merge(survivor.recording, former.recording, manager)

    match = Match.objects.get()
    assert match.detections.count() == 2
    assert (match.matched_ms, match.segment_count) == (200_000, 2)
    assert selectors.count_of(match).ms == 200_000


def test_a_dispute_follows_the_join_and_comes_back(manager: User, reviewer: User) -> None:
    claim = deciding.confirm(match=make_match(), user=reviewer)
    recording = claim.recording
    stays = RecordingFactory.create(bucket=recording.bucket)
    for row in (recording, stays):
        row.audio_sha256, row.audio_bytes = "cd" * 32, 10
        row.save()
    make_detection((70_000, 90_000, 5_000, 25_000), scan=claim.scan, recording=stays)
    fold_scan(scan=claim.scan)
    survivor = Match.objects.get(recording=stays)
    dispute = deciding.record(
        match=Match.objects.get(pk=claim.pk), user=reviewer, code="licensed"
    ).dispute

    action = merge(stays, recording, manager)

    match = Match.objects.get()
    assert (match.pk, match.state) == (survivor.pk, MatchState.DISPUTED)
    assert selectors.open_disputes().get().match == match
    undo(action, manager)
    assert selectors.open_disputes().get() == dispute
    assert dispute is not None
    assert dispute.status == DisputeStatus.OPEN


def test_a_decision_after_the_merge_stays_with_the_survivor(manager: User, reviewer: User) -> None:
    survivor, former = two_matches(SPAN, ELSEWHERE)
    before = everything()["evidence"]
    action = merge(survivor.recording, former.recording, manager)
    _confirm(Match.objects.get(), reviewer)

    undo(action, manager)

    survivor.refresh_from_db()
    former.refresh_from_db()
    assert (survivor.state, former.state) == (MatchState.CONFIRMED, MatchState.PENDING)
    assert everything()["evidence"] == before
    assert (survivor.matched_ms, former.matched_ms) == (100_000, 100_000)
    actions_of = Event.objects.filter(case=former.case).order_by("sequence")
    assert [event.action for event in actions_of] == [
        "found",
        match_events.JOINED_INTO,
        match_events.PARTED,
    ]


def test_matches_join_in_a_file_without_the_recording_that_stays(
    manager: User, reviewer: User
) -> None:
    oldest, former = two_matches()
    stays = RecordingFactory.create(
        bucket=oldest.recording.bucket, audio_sha256="ab" * 32, audio_bytes=10, duration_ms=600_000
    )
    _confirm(former, reviewer)
    before = everything()
    action = merge(stays, oldest.recording, manager, former.recording)

    match = Match.objects.get()
    assert (match.pk, match.recording) == (oldest.pk, stays)
    assert match.state == MatchState.CONFIRMED
    undo(action, manager)
    assert everything() == before


def test_a_file_has_one_match_of_three_merged_recordings(manager: User) -> None:
    survivor, former = two_matches()
    third = RecordingFactory.create(
        bucket=survivor.recording.bucket,
        audio_sha256="ab" * 32,
        audio_bytes=10,
        duration_ms=600_000,
    )
    make_detection(SPAN, scan=survivor.scan, recording=third)
    fold_scan(scan=survivor.scan)
    before = everything()
    action = merge(survivor.recording, former.recording, manager, third)

    assert ScannedFile.objects.get().matches.get() == survivor
    assert MatchAlias.objects.count() == 2
    undo(action, manager)
    assert everything() == before


def test_two_disputes_are_answered_one_after_the_other(manager: User, reviewer: User) -> None:
    survivor, former = two_matches()
    for match in (survivor, former):
        _confirm(match, reviewer)
        deciding.record(match=Match.objects.get(pk=match.pk), user=reviewer, code="licensed")
    merge(survivor.recording, former.recording, manager)

    states = []
    for _ in range(2):
        match = Match.objects.get()
        answered = deciding.uphold(match=match, user=manager, answer="It is ours.")
        states.append(answered.state)

    assert states == [MatchState.DISPUTED, MatchState.UPHELD]
    assert not selectors.open_disputes().exists()


def test_undoing_an_answer_opens_the_dispute_that_it_answered(
    manager: User, reviewer: User
) -> None:
    survivor, former = two_matches()
    for match in (survivor, former):
        _confirm(match, reviewer)
        deciding.record(match=Match.objects.get(pk=match.pk), user=reviewer, code="licensed")
    merge(survivor.recording, former.recording, manager)
    both = set(selectors.open_disputes())
    answered = deciding.uphold(match=Match.objects.get(), user=manager, answer="It is ours.")

    undone = deciding.undo(match=answered, user=manager)

    assert undone.state == MatchState.DISPUTED
    assert set(selectors.open_disputes()) == both
    assert {dispute.answer for dispute in selectors.open_disputes()} == {""}


def test_evidence_without_times_adds_nothing_to_a_join(manager: User) -> None:
    survivor, former = two_matches()
    former.detections.add(
        make_detection(scan=former.scan, recording=former.recording, section=Section.MUSIC)
    )

    merge(survivor.recording, former.recording, manager)

    match = Match.objects.get()
    assert [row.recording for row in match.detections.all()] == [survivor.recording]


def test_a_merge_of_two_versions_ends_the_question_and_its_undo_asks_again(manager: User) -> None:
    stays, other_recording = RecordingFactory.create(), RecordingFactory.create()
    Recording.objects.filter(pk=other_recording.pk).update(
        bucket=stays.bucket, version_title="Remaster"
    )
    for recording in (stays, other_recording):
        Recording.objects.filter(pk=recording.pk).update(audio_sha256="ab" * 32, audio_bytes=10)
    find_duplicates(bucket=stays.bucket)
    scan = ScanFactory.create()
    for recording in Recording.objects.all():
        make_detection(SPAN, scan=scan, recording=recording)
    fold_scan(scan=scan)
    before = everything()
    match = Match.objects.get()
    assert match.queue_reason == QueueReason.TWO_VERSIONS

    action = merge(stays, other_recording, manager)

    match.refresh_from_db()
    assert (match.queue_reason, candidates_of(match)) == (QueueReason.DEFAULT, [])

    undo(action, manager)

    assert everything() == before


def test_what_people_do_with_many_reaches_the_match_that_a_former_id_leads_to(
    client: Client, manager: User, reviewer: User
) -> None:
    survivor, former = two_matches()
    merge(survivor.recording, former.recording, manager)
    client.force_login(manager)
    ids = [f"{former.uid}:{former.version}"]

    page = client.post(
        "/queue/decide/", {"verb": "confirm", "apply": "yes", "expected": ids}
    ).content.decode()
    assert "0 matches confirmed, 1 refused" in page
    assert "This match was joined with another one" in page
    assert f"/m/{survivor.uid}" in page

    fields = {"verb": "assign", "apply": "yes", "expected": ids, "assignee": reviewer.pk}
    page = client.post("/queue/decide/", fields).content.decode()
    assert "0 refused" in page
    assert Match.objects.get().assignee == reviewer

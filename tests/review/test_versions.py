"""Versions that fit equally are candidates of one match, and people choose."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

from base.accounts.models import User
from base.audit.models import Event
from catalogue.changes import retire_recordings
from catalogue.models import Recording
from catalogue.signals import recordings_changed
from dedup.services import find_duplicates
from review.choices import MatchState, PolicyAction, QueueReason, Verb, VersionChoice
from review.decisions.decide import decide
from review.decisions.verbs import Decision
from review.errors import NotAllowed, NotPossible
from review.models import Match
from review.services import choosing, licences, policies
from review.services.folding import fold_scan
from review.versions import candidates_of
from scanning.models import RetroSearch, ScannedFile
from tests.factories import deciding
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ScanFactory, make_detection
from tests.fixtures import do_all_work

pytestmark = pytest.mark.django_db

MINUTE = (0, 60_000, 0, 60_000)
Pair = tuple[Recording, Recording]


@pytest.fixture
def pair() -> Pair:
    """An album version and a radio edit of one family, the older first."""
    album = RecordingFactory.create(
        title="Tide", isrc="ZZX012600001", isrc_normalised="ZZX012600001"
    )
    album.family = album
    album.save()
    edit = RecordingFactory.create(
        title="Tide", bucket=album.bucket, version_title="Radio Edit", family=album
    )
    return album, edit


def scanned(
    *recordings: Recording,
    file: ScannedFile | None = None,
    scores: Iterable[float] = (),
    length: int = 60_000,
    **options: object,
) -> Match:
    """Fold a scan that found these recordings in the same minute; return one match."""
    options |= {"scanned_file": file} if file is not None else {}
    scan = ScanFactory.create(**options)
    for recording, score in zip(recordings, [*scores, *(90 for _ in recordings)], strict=False):
        make_detection((0, length, 0, length), scan=scan, recording=recording, score=Decimal(score))
    fold_scan(scan=scan)
    return Match.objects.get(scanned_file=scan.scanned_file)


def choose(match: Match, user: User, recording: Recording | None = None) -> Match:
    decision = Decision(Verb.CHOOSE, recording=recording)
    return deciding._decide(match, None, user, decision)


def other_recordings(match: Match) -> list[Recording]:
    return [candidate.recording for candidate in candidates_of(match)]


def test_versions_that_fit_equally_are_candidates_of_one_match(pair: Pair) -> None:
    album, edit = pair

    for scores in ((90, 90), (90, 92), (92, 90)):
        match = scanned(edit, album, scores=scores)

        # Neither covers more, so the older recording leads.
        assert (match.recording, other_recordings(match)) == (album, [edit]), scores
        assert match.queue_reason == QueueReason.TWO_VERSIONS
        assert match.rivals == 0


def test_a_version_that_fits_better_or_elsewhere_has_a_match_of_its_own(pair: Pair) -> None:
    scan = ScanFactory.create()
    for recording, score in zip(pair, (90, Decimal("92.1")), strict=True):
        make_detection(MINUTE, scan=scan, recording=recording, score=score)
    fold_scan(scan=scan)
    assert set(Match.objects.values_list("queue_reason", "version_choice")) == {
        (QueueReason.TWO_CANDIDATES, "")
    }

    scan = ScanFactory.create()
    for recording, end in zip(pair, (60_000, 40_000), strict=True):
        make_detection((0, end, 0, end), scan=scan, recording=recording)
    fold_scan(scan=scan)

    assert not Match.objects.filter(candidates__isnull=False).exists()


def test_in_one_sound_the_version_that_fits_better_counts(pair: Pair) -> None:
    album, edit = pair
    edit.same_sound_as = album
    edit.save()

    match = scanned(album, edit, scores=(90, 95))
    assert (match.recording, other_recordings(match)) == (edit, [])

    # Copies of one version are no question: the canonical one stands.
    Recording.objects.filter(pk=edit.pk).update(version_title="")
    match = scanned(album, edit, scores=(90, 95))
    assert (match.recording, other_recordings(match)) == (album, [])


def test_no_rule_confirms_or_clears_what_nobody_chose(pair: Pair, manager: User) -> None:
    album, edit = pair
    waiting = scanned(album, edit)
    policy = make_policy(action=PolicyAction.CONFIRM, user=manager)
    policies.apply(policy=policy, user=manager)
    licence = make_licence(recordings=[album], user=manager, in_force=False)
    preview = licences.preview(licence=licence)
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    found_now = scanned(album, edit)

    for match in (waiting, found_now):
        match.refresh_from_db()
        assert (match.state, match.queue_reason) == (MatchState.PENDING, QueueReason.TWO_VERSIONS)
    assert preview.clearing_count == 0
    assert "nobody has chosen" in preview.uncovered[0][0]

    # A licence for one of both covers it, once somebody has chosen it.
    choose(waiting, manager, album)
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.licence) == (MatchState.CLEARED, licence)


def test_a_policy_suppresses_it_or_sends_it_to_a_person(pair: Pair) -> None:
    policy = make_policy(action=PolicyAction.ESCALATE, sets={"buckets": [str(pair[0].bucket_id)]})
    assert scanned(*pair).state == MatchState.ESCALATED

    policy.action = PolicyAction.SUPPRESS
    policy.save()
    assert scanned(*pair).state == MatchState.SUPPRESSED


def test_switching_names_the_other_version_and_can_be_undone(pair: Pair, reviewer: User) -> None:
    album, edit = pair
    match = scanned(album, edit)
    before = Match.objects.values().get()
    evidence = list(match.detections.all())

    switched = choose(match, reviewer)

    assert (switched.recording, other_recordings(switched)) == (edit, [album])
    assert (switched.version, switched.version_choice) == (2, VersionChoice.CHOSEN)
    assert switched.queue_reason == QueueReason.DEFAULT
    event = Event.objects.get(action=Verb.CHOOSE)
    assert (event.after["former"], event.actor) == (album.uid, reviewer)

    undone = deciding.undo(match=switched, user=reviewer)

    after = Match.objects.values().get()
    changing = ("version", "updated_at")
    assert {name for name, value in after.items() if value != before.get(name)} <= set(changing)
    assert (list(undone.detections.all()), other_recordings(undone)) == (evidence, [edit])


def test_who_decides_alone_chooses_and_bulk_decisions_refuse(pair: Pair, reviewer: User) -> None:
    matches = [scanned(*pair) for _ in range(2)]
    versions = {match.uid: match.version for match in matches}

    for decision in (Decision(Verb.CONFIRM), Decision(Verb.REJECT, code="noise")):
        outcome = decide(versions=versions, decision=decision, user=reviewer)
        assert not outcome.done
        assert "choose the version first" in outcome.refused[0].message

    confirmed = deciding.confirm(match=matches[0], user=reviewer)
    assert confirmed.version_choice == VersionChoice.CHOSEN
    undone = deciding.undo(match=confirmed, user=reviewer)
    assert undone.version_choice == VersionChoice.OPEN

    chosen = choose(matches[1], reviewer)
    outcome = decide(
        versions={chosen.uid: chosen.version}, decision=Decision(Verb.CONFIRM), user=reviewer
    )
    assert [match.recording for match in outcome.done] == [pair[1]]


def test_what_a_second_person_must_approve_keeps_its_version(
    pair: Pair, reviewer: User, manager: User
) -> None:
    make_policy(second_approval=True, action=PolicyAction.REVIEW)
    proposed = deciding.confirm(match=scanned(*pair), user=reviewer)
    assert proposed.state == MatchState.ESCALATED

    with pytest.raises(NotPossible):
        choose(proposed, manager)
    approved = deciding.confirm(match=proposed, user=manager)

    assert (approved.state, approved.recording) == (MatchState.CONFIRMED, pair[0])


def test_an_answer_for_the_pair_holds_in_all_files_and_later_scans(
    pair: Pair, reviewer: User, manager: User
) -> None:
    album, edit = pair
    waiting, chosen, decided = (scanned(*pair) for _ in range(3))
    choose(chosen, reviewer, album)
    deciding.confirm(match=decided, user=reviewer)
    policy = make_policy(action=PolicyAction.CONFIRM, user=manager)

    followed = choosing.answer(recording=edit, alternative=album, stands=edit, user=reviewer)

    assert followed == 1
    waiting.refresh_from_db()
    # Now that a person has answered, the policy decides as ever.
    assert (waiting.recording, waiting.state) == (edit, MatchState.CONFIRMED)
    assert waiting.policy == policy
    assert waiting.version_choice == VersionChoice.ANSWERED
    for match in (chosen, decided):
        match.refresh_from_db()
        assert match.recording == album
    later = scanned(*pair)
    assert (later.recording, later.state) == (edit, MatchState.CONFIRMED)

    # Another answer asks again about what rules settled, and says who changed it.
    choosing.answer(recording=album, alternative=edit, stands=None, user=manager)
    for match in (waiting, later):
        match.refresh_from_db()
        assert (match.state, match.queue_reason) == (MatchState.PENDING, QueueReason.TWO_VERSIONS)
    assert (
        Event.objects.filter(case=f"recording:{edit.uid}", action="recording.versions_answered")
        .latest("pk")
        .before["answer"]
        == edit.uid
    )
    decided.refresh_from_db()
    assert decided.state == MatchState.CONFIRMED


def test_a_rescan_that_finds_one_version_names_it_and_asks_no_more(
    pair: Pair, reviewer: User
) -> None:
    _album, edit = pair
    for recording in pair:
        match = scanned(*pair)

        again = scanned(recording, file=match.scanned_file)

        assert (again.pk, again.recording, other_recordings(again)) == (match.pk, recording, [])
        assert again.queue_reason == QueueReason.DEFAULT

    # What a person chose is not replaced by another version.
    match = choose(scanned(*pair), reviewer, edit)
    again = scanned(*pair, file=match.scanned_file)
    assert (again.recording, again.version_choice) == (edit, VersionChoice.CHOSEN)


def test_a_version_that_a_scan_finds_later_asks_only_of_rules(pair: Pair, reviewer: User) -> None:
    album, edit = pair
    by_person = scanned(album)
    deciding.confirm(match=by_person, user=reviewer)
    make_policy(action=PolicyAction.CONFIRM)
    by_rule = scanned(album)
    assert by_rule.state == MatchState.CONFIRMED

    for retro in (None, RetroSearch.objects.create()):
        for match, state in ((by_person, MatchState.CONFIRMED), (by_rule, MatchState.PENDING)):
            file = match.scanned_file
            edits = (edit,) if retro else (album, edit)
            if retro:
                scanned(album, file=file)
            now = scanned(*edits, file=file, retro_search=retro)

            assert (now.recording, now.state) == (album, state)
            assert (other_recordings(now), now.has_open_versions) == ([edit], True)


def test_a_candidate_that_is_retired_is_no_question_any_more(pair: Pair, manager: User) -> None:
    match = scanned(*pair)

    retire_recordings(recordings=[pair[1]], user=manager)

    match.refresh_from_db()
    assert (other_recordings(match), match.queue_reason) == ([], QueueReason.DEFAULT)


def test_a_viewer_and_a_hidden_recording_answer_nothing(pair: Pair) -> None:
    from base.accounts.roles import Role
    from tests.factories.accounts import make_user

    with pytest.raises(NotAllowed):
        choosing.answer(
            recording=pair[0], alternative=pair[1], stands=pair[0], user=make_user(Role.VIEWER)
        )


@pytest.mark.parametrize("version", ["Radio Edit", ""])
def test_a_group_that_forms_later_joins_what_scans_had_found_of_it(
    version: str, manager: User
) -> None:
    bucket = BucketFactory.create()
    album, edit = (
        RecordingFactory.create(
            bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10, version_title=title
        )
        for title in ("", version)
    )
    scan = ScanFactory.create()
    for recording in (album, edit):
        make_detection(MINUTE, scan=scan, recording=recording)
    fold_scan(scan=scan)
    matches = {match.recording: match for match in Match.objects.all()}
    deciding.confirm(match=matches[edit], user=manager, version=1)

    find_duplicates(bucket=bucket)
    do_all_work()

    (match,) = Match.objects.filter(scanned_file=scan.scanned_file)
    assert match.state == MatchState.CONFIRMED
    ids = {match.uid, *match.aliases.values_list("uid", flat=True)}
    assert ids == {former.uid for former in matches.values()}
    if version:
        # What a person confirmed leads.
        assert (match.recording, other_recordings(match)) == (edit, [album])
    else:
        assert (match.recording, other_recordings(match)) == (album, [])
    count = Event.objects.count()
    fold_scan(scan=scan)
    assert Event.objects.count() == count


def test_a_late_scan_found_a_version_before_it_was_one(pair: Pair) -> None:
    album, edit = pair
    Recording.objects.update(family=None)
    match = scanned(album)
    late = ScanFactory.create(
        scanned_file=match.scanned_file, retro_search=RetroSearch.objects.create()
    )
    make_detection(MINUTE, scan=late, recording=edit, score=Decimal(90))
    fold_scan(scan=late)
    assert Match.objects.count() == 2

    Recording.objects.update(family=album)
    recordings_changed.send(sender=Recording, before={edit.pk: {"family_id": None}}, user=None)
    do_all_work()

    (match,) = Match.objects.all()
    assert (match.recording, other_recordings(match)) == (album, [edit])
    assert match.queue_reason == QueueReason.TWO_VERSIONS

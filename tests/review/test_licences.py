"""What licences clear, when, and that clearing ends with the licence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any  # terms of every type, passed on by name

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from review import coverage, errors
from review.choices import EditedUses, LicenceScope, MatchState, OnExpiry, QueueReason, UseKind
from review.coverage import Cover
from review.models import Licence, Match
from review.services import grounds, licences, locks
from review.services.licences import Reach
from review.subjects import Subject
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.jobs.workers import run_regular_work
from tests.review.conftest import NOON

pytestmark = pytest.mark.django_db

TODAY = date(2026, 5, 2)


def a_match(**file: object) -> Match:
    """Return a pending match in a file with some metadata."""
    scan = ScanFactory.create(scanned_file=ScannedFileFactory.create(**file))
    return make_match(scan=scan)


def another_match(of: Match, **file: object) -> Match:
    """Return a match of the same recording in another file."""
    scan = ScanFactory.create(scanned_file=ScannedFileFactory.create(**file))
    return make_match(scan=scan, recording=of.recording)


def state_of(match: Match) -> str:
    return Match.objects.values_list("state", flat=True).get(pk=match.pk)


def check_of(licence: Licence, match: Match) -> coverage.LicenceCheck | None:
    """Return the licence's check of the match."""
    checks = coverage.checks(subject=Subject.of(match))
    return next((check for check in checks if check.licence == licence), None)


def test_new_match_under_a_licence_is_cleared_by_it() -> None:
    recording, partly, drafted = RecordingFactory.create_batch(3)
    licence = make_licence(recordings=[recording])
    make_licence(recordings=[partly], max_seconds=5)
    make_licence(recordings=[drafted], in_force=False)

    match = make_match(recording=recording)

    assert (match.state, match.licence) == (MatchState.CLEARED, licence)
    assert match.decided_by is None
    assert match.decided_by_name == f"licence:{licence.number}"
    assert match.decided_at is not None
    event = Event.objects.get(case=match.case)
    assert event.after["licence"] == licence.pk
    # A rescan carries the licence along.
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    again = make_match(scan=scan, recording=recording)
    assert (again.state, again.licence) == (MatchState.CLEARED, licence)

    # A match that is licensed in part waits and says so; a draft covers nothing.
    waiting = make_match(recording=partly)
    assert waiting.state == MatchState.PENDING
    assert waiting.queue_reason == QueueReason.LICENCE_PARTIAL
    assert make_match(recording=drafted).state == MatchState.PENDING


def test_use_is_told_by_what_is_known_of_the_file() -> None:
    url = "https://video.example/ours/"
    cases: list[tuple[UseKind, str, dict[str, object], str]] = [
        (UseKind.ACCOUNT, "Our Channel", {"account": "our channel"}, ""),
        (UseKind.ACCOUNT, "Our Channel", {"account": "Another"}, "The account is not on its list."),
        (UseKind.ACCOUNT, "Our Channel", {}, "The file has no account."),
        (UseKind.URL_PREFIX, url, {"source_url": f"{url}7"}, ""),
        (UseKind.URL_PREFIX, url, {"source_url": ""}, "The file's address is not on its list."),
        (UseKind.PROGRAMME, "Morning", {"programme": "Morning"}, ""),
        (UseKind.EXTERNAL_ID, "PRG-1", {"external_id": "PRG-1"}, ""),
        (
            UseKind.EXTERNAL_ID,
            "PRG-1",
            {"external_id": "PRG-11"},
            "The external id is not on its list.",
        ),
    ]
    for kind, value, fields, outside in cases:
        match = a_match(**fields)
        licence = make_licence(scope=LicenceScope.ALL, use_kind=kind, use_values=[value])

        check = check_of(licence, match)

        assert check is not None
        cover = Cover.NONE if outside else Cover.FULL
        assert (check.cover, check.why) == (cover, outside)


def test_label_is_compared_whatever_its_case() -> None:
    match = make_match(recording=RecordingFactory.create(label="North Records"))
    other_match = make_match(recording=RecordingFactory.create(label="South Records"))

    licence = make_licence(scope=LicenceScope.LABEL, labels=["NORTH records"])

    assert licences.preview(licence=licence).clearing == [match]
    assert check_of(licence, other_match) is None


def test_length_and_territory_may_be_covered_in_part() -> None:
    cases: list[tuple[dict[str, Any], list[str], Cover]] = [
        ({"max_seconds": 20}, [], Cover.FULL),
        ({"max_seconds": 19}, [], Cover.PARTIAL),
        ({"territories": ["GB"]}, [], Cover.PARTIAL),
        ({"territories": ["GB", "IE"]}, ["territory:gb"], Cover.FULL),
        ({"territories": ["GB"]}, ["territory:GB", "territory:FR"], Cover.PARTIAL),
        ({"territories": ["WW"]}, [], Cover.FULL),
    ]
    for terms, tags, cover in cases:
        match = a_match(tags=tags)
        licence = make_licence(recordings=[match.recording], **terms)

        check = check_of(licence, match)

        assert check is not None
        assert check.cover == cover, (terms, tags)
        assert bool(check.why) == (cover == Cover.PARTIAL)


def test_a_licence_says_how_far_a_use_may_be_edited() -> None:
    without = {"edited_uses": EditedUses.NOT_COVERED}
    cases: list[tuple[str | None, int | None, dict[str, Any], str]] = [
        ("1.25", 386, {}, ""),
        ("1.25", 386, without, "edited"),
        ("1.00", 0, without, ""),
        (None, None, without, "does not measure"),
        ("0.80", -386, {"max_speed_pct": Decimal(20), "max_semitones": Decimal(4)}, ""),
        ("0.79", -408, {"max_speed_pct": Decimal(20)}, "up to 20 %"),
        ("1.00", 301, {"max_semitones": Decimal(3)}, "up to 3 semitones"),
        ("1.20", 0, {"max_semitones": Decimal(3)}, ""),
    ]
    for tempo, cents, terms, why in cases:
        measured = tempo and Decimal(tempo)
        match = make_match(segment={"tempo_ratio": measured, "pitch_cents": cents})
        if "max" in str(terms):
            terms = {"edited_uses": EditedUses.WITHIN, **terms}
        licence = make_licence(recordings=[match.recording], **terms)

        check = check_of(licence, match)

        assert check is not None
        assert check.cover == (Cover.PARTIAL if why else Cover.FULL), terms
        assert why in check.why

    # A limit says nothing of parts that are edited differently.
    match = make_match(match={"edit": "in_part", "speed_pct": Decimal("12.5")})
    licence = make_licence(
        recordings=[match.recording], edited_uses=EditedUses.WITHIN, max_speed_pct=Decimal(50)
    )
    check = check_of(licence, match)
    assert check is not None
    assert check.cover == Cover.PARTIAL


def test_use_made_in_the_period_stays_licensed_only_where_it_is_kept(
    clock: time_machine.Traveller,
) -> None:
    match = a_match(published_at=NOON - timedelta(days=40))
    for on_expiry in (OnExpiry.KEEP, OnExpiry.REOPEN):
        licence = make_licence(
            recordings=[match.recording],
            valid_from=TODAY - timedelta(days=60),
            valid_until=TODAY - timedelta(days=30),
            on_expiry=on_expiry,
        )

        check = check_of(licence, match)

        assert check is not None
        assert (check.cover == Cover.FULL) is (on_expiry == OnExpiry.KEEP)


def test_very_many_are_counted_and_the_first_are_named(
    manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licences, "LISTED", 2)
    first = make_match()
    for _ in range(3):
        another_match(first)
    licence = make_licence(recordings=[first.recording], in_force=False)

    preview = licences.preview(licence=licence)

    assert (len(preview.clearing), preview.clearing_count) == (2, 4)
    assert licences.apply(licence=licence, user=manager, reach=Reach.ALL) == 4


def test_later_licence_clears_exactly_what_its_preview_counts_and_ends_once(
    clock: time_machine.Traveller, manager: User
) -> None:
    pending = make_match()
    also_pending = another_match(pending)
    locks.take_lock(match=another_match(pending), user=manager)
    confirmed = another_match(pending)
    deciding.confirm(match=confirmed, user=manager, version=1)
    left_confirmed = another_match(pending)
    deciding.confirm(match=left_confirmed, user=manager, version=1)
    rejected = another_match(pending)
    deciding.reject(match=rejected, user=manager, version=1, reason="noise")
    foreign = make_match()
    licence = make_licence(recordings=[pending.recording], valid_until=TODAY, in_force=False)

    preview = licences.preview(licence=licence)
    cleared = licences.apply(licence=licence, user=manager, reach=Reach.ALL, chosen={confirmed.uid})

    assert [match.pk for match in preview.clearing] == [pending.pk, also_pending.pk]
    assert {match.pk for match in preview.offered} == {confirmed.pk, left_confirmed.pk}
    assert (preview.held, preview.reopening) == (1, 2)
    assert cleared == 3
    by_licence = Match.objects.filter(licence=licence, state=MatchState.CLEARED)
    assert set(by_licence.values_list("pk", flat=True)) == {
        pending.pk,
        also_pending.pk,
        confirmed.pk,
    }
    assert state_of(left_confirmed) == MatchState.CONFIRMED
    assert state_of(rejected) == MatchState.REJECTED
    assert state_of(foreign) == MatchState.PENDING

    clock.move_to(NOON + timedelta(hours=11))
    run_regular_work()
    assert state_of(pending) == MatchState.CLEARED

    clock.move_to(NOON + timedelta(days=1))
    run_regular_work()
    run_regular_work()

    for match in (pending, also_pending, confirmed):
        match.refresh_from_db()
        assert match.state == MatchState.PENDING
        assert match.queue_reason == QueueReason.LICENCE_ENDED
        assert match.licence is None
        ended = Event.objects.filter(case=match.case, action="licence_ended")
        assert ended.count() == 1
        assert first_broken_event(case=match.case) is None


def test_a_licence_clears_what_is_ticked_or_only_what_comes(manager: User) -> None:
    match = make_match()
    other_match = another_match(match)
    licence = make_licence(recordings=[match.recording], in_force=False)

    cleared = licences.apply(licence=licence, user=manager, reach=Reach.FUTURE)

    assert cleared == 0
    assert state_of(match) == MatchState.PENDING
    assert another_match(match).state == MatchState.CLEARED

    licences.apply(licence=licence, user=manager, reach=Reach.CHOSEN, chosen={other_match.uid})
    assert state_of(match) == MatchState.PENDING
    assert state_of(other_match) == MatchState.CLEARED


def test_withdrawing_opens_again_what_was_cleared_where_it_says_so(manager: User) -> None:
    """Nobody knows a use after the end when the licence says that it keeps its uses."""
    now = datetime.now(tz=UTC)
    for on_expiry, count in ((OnExpiry.REOPEN, 0), (OnExpiry.KEEP, 2)):
        recording = RecordingFactory.create()
        licence = make_licence(recordings=[recording], on_expiry=on_expiry)
        undated, before, after = (make_match(recording=recording) for _ in range(3))
        for match, days in ((before, -3), (after, 3)):
            file = ScannedFile.objects.filter(pk=match.scanned_file_id)
            file.update(published_at=now + timedelta(days=days))

        reopened = licences.withdraw(licence=licence, user=manager, reason="never paid")

        assert reopened == 3 - count
        state = MatchState.CLEARED if count else MatchState.PENDING
        assert (state_of(undated), state_of(before)) == (state, state)
        assert state_of(after) == MatchState.PENDING
        events = Event.objects.filter(case=licence.case, action="licence.withdrawn")
        assert events.get().note == "never paid"


def test_narrower_terms_open_again_what_they_do_not_cover(manager: User) -> None:
    ended = datetime.now(tz=UTC).date() - timedelta(days=30)
    for on_expiry, name, value in (
        (OnExpiry.REOPEN, "max_seconds", 10),
        (OnExpiry.KEEP, "max_seconds", 5),
        # It ends before the use.
        (OnExpiry.KEEP, "valid_until", ended),
    ):
        recording = RecordingFactory.create()
        licence = make_licence(recordings=[recording], on_expiry=on_expiry)
        match = make_match(recording=recording)
        assert state_of(match) == MatchState.CLEARED
        setattr(licence, name, value)

        reopened = licences.save(licence=licence, user=manager, recordings=[recording])

        assert (reopened, state_of(match)) == (1, MatchState.PENDING), name


def test_what_a_manager_reopened_is_not_cleared_again(manager: User) -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording], on_expiry=OnExpiry.KEEP)
    match = make_match(recording=recording)
    deciding.reopen(match=match, user=manager, reason="Not this use.")

    grounds.again(matches=[match], actor=manager)

    assert state_of(match) == MatchState.PENDING


def test_the_preview_names_disputes_that_the_licence_would_answer(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer)
    Match.objects.filter(pk=match.pk).update(state=MatchState.DISPUTED)
    licence = make_licence(recordings=[match.recording], in_force=False)

    preview = licences.preview(licence=licence)
    licences.apply(licence=licence, user=manager, reach=Reach.CHOSEN, chosen={match.uid})

    assert (preview.disputed, preview.disputed_count) == ([match], 1)
    assert state_of(match) == MatchState.DISPUTED


def test_saving_does_not_undo_that_it_was_withdrawn_meanwhile(manager: User) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])
    read_before = Licence.objects.get(pk=licence.pk)
    licences.withdraw(licence=licence, user=manager, reason="never paid")
    withdrawn_at = Licence.objects.get(pk=licence.pk).withdrawn_at

    licences.save(licence=read_before, user=manager, recordings=[recording])

    licence.refresh_from_db()
    assert withdrawn_at is not None
    assert licence.withdrawn_at == withdrawn_at


def test_saving_reads_the_licences_once_however_many_matches_it_cleared(manager: User) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])

    def queries_of_saving() -> int:
        with CaptureQueriesContext(connection) as queries:
            licences.save(licence=licence, user=manager, recordings=[recording])
        return len(queries)

    make_match(recording=recording)
    queries_for_one = queries_of_saving()
    for _ in range(4):
        make_match(recording=recording)

    assert queries_of_saving() <= queries_for_one
    assert Match.objects.filter(licence=licence, state=MatchState.CLEARED).count() == 5


def test_another_licence_takes_over_when_one_ends(clock: time_machine.Traveller) -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording], valid_until=TODAY)
    match = make_match(recording=recording)
    other_licence = make_licence(recordings=[recording])

    clock.move_to(NOON + timedelta(days=1))
    licences.end_expired()

    match.refresh_from_db()
    assert (match.state, match.licence) == (MatchState.CLEARED, other_licence)


def test_person_may_clear_by_a_licence_that_covers_part_but_nothing_else(manager: User) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], max_seconds=5)
    foreign = make_licence(recordings=[RecordingFactory.create()])

    with pytest.raises(errors.NotPossible):
        deciding.clear(match=match, user=manager, version=1, licence=foreign)
    assert state_of(match) == MatchState.PENDING
    cleared = deciding.clear(match=match, user=manager, version=1, licence=licence)

    assert (cleared.licence, cleared.decision_reason) == (licence, "licence")
    undone = deciding.undo(match=cleared, user=manager)
    assert (undone.state, undone.licence) == (MatchState.PENDING, None)


def test_licence_that_names_nothing_or_everything_is_refused() -> None:
    cases: tuple[dict[str, Any], ...] = (
        {"scope": LicenceScope.BUCKET},
        {"scope": LicenceScope.LABEL},
        {"scope": LicenceScope.RECORDINGS},
        {"scope": LicenceScope.ALL},
        {"scope": LicenceScope.ALL, "use_kind": UseKind.ACCOUNT},
    )
    for terms in cases:
        with pytest.raises(errors.EmptyScope):
            make_licence(**terms)
    assert not Licence.objects.filter(built_in=False).exists()


def test_own_accounts_are_one_list_that_is_always_there(manager: User) -> None:
    own = licences.own_accounts()
    own.use_values = ["Our Channel"]
    licences.save(licence=own, user=manager)

    match = a_match(account="Our Channel")

    assert (match.state, match.licence) == (MatchState.CLEARED, own)
    with pytest.raises(errors.NotPossible):
        licences.withdraw(licence=own, user=manager, reason="no")


def test_only_managers_change_licences() -> None:
    licence = make_licence(recordings=[RecordingFactory.create()])
    for user in (make_user(Role.VIEWER), make_user(Role.REVIEWER)):
        with pytest.raises(errors.NotAllowed):
            licences.save(licence=licence, user=user)
        with pytest.raises(errors.NotAllowed):
            licences.apply(licence=licence, user=user, reach=Reach.ALL)
        with pytest.raises(errors.NotAllowed):
            licences.withdraw(licence=licence, user=user, reason="because")

"""What licences clear, when, and that clearing ends with the licence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any  # terms of every type, passed on by name

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from audit.services import first_broken_event
from review import coverage, errors
from review.choices import (
    EditedUses,
    LicenceScope,
    MatchState,
    OnExpiry,
    QueueReason,
    UseKind,
)
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

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
TODAY = date(2026, 5, 2)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def a_match(**file: object) -> Match:
    """Return a pending match in a file with some metadata."""
    scan = ScanFactory.create(scanned_file=ScannedFileFactory.create(**file))
    return make_match(scan=scan)


def another_match(of: Match, **file: object) -> Match:
    """Return a match of the same recording in another file."""
    scan = ScanFactory.create(scanned_file=ScannedFileFactory.create(**file))
    return make_match(scan=scan, recording=of.recording)


def state_of(match: Match) -> str:
    """Return the stored state."""
    return Match.objects.values_list("state", flat=True).get(pk=match.pk)


def said(licence: Licence, match: Match) -> coverage.LicenceCheck | None:
    """Return the licence's check of the match."""
    found = coverage.checks(subject=Subject.of(match))
    return next((each for each in found if each.licence == licence), None)


def test_new_match_under_a_licence_is_cleared_by_it() -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])

    match = make_match(recording=recording)

    assert (match.state, match.licence) == (MatchState.CLEARED, licence)
    assert match.decided_by is None
    assert match.decided_by_name == f"licence:{licence.number}"
    assert match.decided_at is not None
    event = Event.objects.get(case=match.case)
    assert event.after["licence"] == licence.pk


def test_draft_covers_nothing() -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording], in_force=False)

    assert make_match(recording=recording).state == MatchState.PENDING


@pytest.mark.parametrize(
    ("kind", "value", "fields", "outside"),
    [
        (UseKind.ACCOUNT, "Our Channel", {"account": "our channel"}, ""),
        (
            UseKind.ACCOUNT,
            "Our Channel",
            {"account": "Another"},
            "The account is not on its list.",
        ),
        (UseKind.ACCOUNT, "Our Channel", {}, "The file has no account."),
        (
            UseKind.URL_PREFIX,
            "https://video.example/ours/",
            {"source_url": "https://video.example/ours/7"},
            "",
        ),
        (
            UseKind.URL_PREFIX,
            "https://video.example/ours/",
            {"source_url": ""},
            "The file's address is not on its list.",
        ),
        (UseKind.PROGRAMME, "Morning", {"programme": "Morning"}, ""),
        (UseKind.EXTERNAL_ID, "PRG-1", {"external_id": "PRG-1"}, ""),
        (
            UseKind.EXTERNAL_ID,
            "PRG-1",
            {"external_id": "PRG-11"},
            "The external id is not on its list.",
        ),
    ],
)
def test_use_is_told_by_what_is_known_of_the_file(
    kind: UseKind, value: str, fields: dict[str, object], outside: str
) -> None:
    match = a_match(**fields)

    licence = make_licence(scope=LicenceScope.ALL, use_kind=kind, use_values=[value])

    found = said(licence, match)
    assert found is not None
    if outside:
        assert found.cover == Cover.NONE
        assert found.why == outside
    else:
        assert (found.cover, found.why) == (Cover.FULL, "")


def test_label_is_compared_whatever_its_case() -> None:
    match = make_match(recording=RecordingFactory.create(label="North Records"))
    other = make_match(recording=RecordingFactory.create(label="South Records"))

    licence = make_licence(scope=LicenceScope.LABEL, labels=["NORTH records"])

    assert licences.preview(licence=licence).clearing == [match]
    assert said(licence, other) is None


@pytest.mark.parametrize(
    ("terms", "tags", "cover"),
    [
        ({"max_seconds": 20}, [], Cover.FULL),
        ({"max_seconds": 19}, [], Cover.PARTIAL),
        ({"territories": ["GB"]}, [], Cover.PARTIAL),
        ({"territories": ["GB", "IE"]}, ["territory:gb"], Cover.FULL),
        ({"territories": ["GB"]}, ["territory:GB", "territory:FR"], Cover.PARTIAL),
        ({"territories": ["WW"]}, [], Cover.FULL),
    ],
)
def test_length_and_territory_may_be_covered_in_part(
    terms: dict[str, Any], tags: list[str], cover: Cover
) -> None:
    match = a_match(tags=tags)
    licence = make_licence(recordings=[match.recording], **terms)

    found = said(licence, match)

    assert found is not None
    assert found.cover == cover
    assert bool(found.why) == (cover == Cover.PARTIAL)


def test_partly_licensed_match_waits_and_says_so() -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording], max_seconds=5)

    match = make_match(recording=recording)

    assert match.state == MatchState.PENDING
    assert match.queue_reason == QueueReason.LICENCE_PARTIAL


@pytest.mark.parametrize(
    ("tempo", "cents", "terms", "why"),
    [
        ("1.25", 386, {}, ""),
        ("1.25", 386, {"edited_uses": EditedUses.NOT_COVERED}, "edited"),
        ("1.00", 0, {"edited_uses": EditedUses.NOT_COVERED}, ""),
        (None, None, {"edited_uses": EditedUses.NOT_COVERED}, "does not measure"),
        ("0.80", -386, {"max_speed_pct": Decimal(20), "max_semitones": Decimal(4)}, ""),
        ("0.79", -408, {"max_speed_pct": Decimal(20)}, "up to 20 %"),
        ("1.00", 301, {"max_semitones": Decimal(3)}, "up to 3 semitones"),
        ("1.20", 0, {"max_semitones": Decimal(3)}, ""),
    ],
)
def test_a_licence_says_how_far_a_use_may_be_edited(
    tempo: str | None, cents: int | None, terms: dict[str, Any], why: str
) -> None:
    measured = tempo and Decimal(tempo)
    match = make_match(segment={"tempo_ratio": measured, "pitch_cents": cents})
    if "max" in str(terms):
        terms = {"edited_uses": EditedUses.WITHIN, **terms}
    licence = make_licence(recordings=[match.recording], **terms)

    found = said(licence, match)

    assert found is not None
    assert found.cover == (Cover.PARTIAL if why else Cover.FULL)
    assert why in found.why


def test_a_limit_says_nothing_of_parts_that_are_edited_differently() -> None:
    match = make_match(match={"edit": "in_part", "speed_pct": Decimal("12.5")})
    licence = make_licence(
        recordings=[match.recording],
        edited_uses=EditedUses.WITHIN,
        max_speed_pct=Decimal(50),
    )

    found = said(licence, match)

    assert found is not None
    assert found.cover == Cover.PARTIAL


@pytest.mark.parametrize(
    ("on_expiry", "covers"), [(OnExpiry.KEEP, True), (OnExpiry.REOPEN, False)]
)
def test_use_made_in_the_period_stays_licensed_only_where_it_is_kept(
    clock: time_machine.Traveller, on_expiry: OnExpiry, covers: bool
) -> None:
    match = a_match(published_at=NOON - timedelta(days=40))

    licence = make_licence(
        recordings=[match.recording],
        valid_from=TODAY - timedelta(days=60),
        valid_until=TODAY - timedelta(days=30),
        on_expiry=on_expiry,
    )

    found = said(licence, match)
    assert found is not None
    assert (found.cover == Cover.FULL) is covers


def test_very_many_are_counted_and_the_first_are_named(
    manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licences, "LISTED", 2)
    first = make_match()
    for _ in range(3):
        another_match(first)
    licence = make_licence(recordings=[first.recording], in_force=False)

    shown = licences.preview(licence=licence)

    assert (len(shown.clearing), shown.clearing_count) == (2, 4)
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
    licence = make_licence(
        recordings=[pending.recording], valid_until=TODAY, in_force=False
    )

    shown = licences.preview(licence=licence)
    cleared = licences.apply(
        licence=licence, user=manager, reach=Reach.ALL, chosen={confirmed.uid}
    )

    assert [match.pk for match in shown.clearing] == [pending.pk, also_pending.pk]
    assert {match.pk for match in shown.offered} == {confirmed.pk, left_confirmed.pk}
    assert (shown.held, shown.reopening) == (1, 2)
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


def test_only_future_clears_nothing_that_is_there(manager: User) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], in_force=False)

    cleared = licences.apply(licence=licence, user=manager, reach=Reach.FUTURE)

    assert cleared == 0
    assert state_of(match) == MatchState.PENDING
    assert another_match(match).state == MatchState.CLEARED


def test_chosen_clears_only_what_was_ticked(manager: User) -> None:
    one = make_match()
    other = another_match(one)
    licence = make_licence(recordings=[one.recording], in_force=False)

    licences.apply(
        licence=licence, user=manager, reach=Reach.CHOSEN, chosen={other.uid}
    )

    assert state_of(one) == MatchState.PENDING
    assert state_of(other) == MatchState.CLEARED


@pytest.mark.parametrize(
    ("on_expiry", "state"),
    [(OnExpiry.REOPEN, MatchState.PENDING), (OnExpiry.KEEP, MatchState.CLEARED)],
)
def test_withdrawing_opens_again_what_was_cleared_where_it_says_so(
    manager: User, on_expiry: OnExpiry, state: MatchState
) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording], on_expiry=on_expiry)
    match = make_match(recording=recording)

    licences.withdraw(licence=licence, user=manager, reason="never paid")

    assert state_of(match) == state
    assert Event.objects.filter(action="licence.withdrawn", note="never paid").exists()


def test_a_withdrawal_keeps_only_uses_before_it(manager: User) -> None:
    """Nobody knows a use after the end when the licence says that it keeps its uses."""
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording], on_expiry=OnExpiry.KEEP)
    before, after = make_match(recording=recording), make_match(recording=recording)
    now = datetime.now(tz=UTC)
    for match, days in ((before, -3), (after, 3)):
        file = ScannedFile.objects.filter(pk=match.scanned_file_id)
        file.update(published_at=now + timedelta(days=days))

    reopened = licences.withdraw(licence=licence, user=manager, reason="never paid")

    assert reopened == 1
    assert state_of(before) == MatchState.CLEARED
    assert state_of(after) == MatchState.PENDING


def test_terms_that_end_before_a_use_keep_it_no_longer(manager: User) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording], on_expiry=OnExpiry.KEEP)
    match = make_match(recording=recording)
    licence.valid_until = datetime.now(tz=UTC).date() - timedelta(days=30)

    licences.save(licence=licence, user=manager, recordings=[recording])

    assert state_of(match) == MatchState.PENDING


def test_what_a_manager_reopened_is_not_cleared_again(manager: User) -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording], on_expiry=OnExpiry.KEEP)
    match = make_match(recording=recording)
    deciding.reopen(
        match=match, user=manager, version=match.version, reason="Not this use."
    )

    grounds.again(matches=[match], actor=manager)

    assert state_of(match) == MatchState.PENDING


def test_narrower_terms_reopen_matches_of_a_licence_that_keeps_its_uses(
    manager: User,
) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording], on_expiry=OnExpiry.KEEP)
    match = make_match(recording=recording)
    assert state_of(match) == MatchState.CLEARED
    licence.max_seconds = 5

    reopened = licences.save(licence=licence, user=manager, recordings=[recording])

    assert (reopened, state_of(match)) == (1, MatchState.PENDING)


def test_the_preview_names_disputes_that_the_licence_would_answer(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer, version=match.version)
    Match.objects.filter(pk=match.pk).update(state=MatchState.DISPUTED)
    licence = make_licence(recordings=[match.recording], in_force=False)

    shown = licences.preview(licence=licence)
    licences.apply(
        licence=licence, user=manager, reach=Reach.CHOSEN, chosen={match.uid}
    )

    assert (shown.disputed, shown.disputed_count) == ([match], 1)
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


def test_narrowing_opens_again_what_is_no_longer_covered(manager: User) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])
    match = make_match(recording=recording)

    licence.max_seconds = 10
    reopened = licences.save(licence=licence, user=manager, recordings=[recording])

    assert reopened == 1
    assert state_of(match) == MatchState.PENDING


def test_saving_reads_the_licences_once_however_many_matches_it_cleared(
    manager: User,
) -> None:
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


def test_another_licence_takes_over_when_one_ends(
    clock: time_machine.Traveller,
) -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording], valid_until=TODAY)
    match = make_match(recording=recording)
    other = make_licence(recordings=[recording])

    clock.move_to(NOON + timedelta(days=1))
    licences.end_expired()

    match.refresh_from_db()
    assert (match.state, match.licence) == (MatchState.CLEARED, other)


def test_person_may_clear_by_a_licence_that_covers_part(manager: User) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], max_seconds=5)

    cleared = deciding.clear(match=match, user=manager, version=1, licence=licence)

    assert (cleared.licence, cleared.decision_reason) == (licence, "licence")
    undone = deciding.undo(match=cleared, user=manager, version=cleared.version)
    assert (undone.state, undone.licence) == (MatchState.PENDING, None)


def test_person_may_not_clear_by_a_licence_for_something_else(manager: User) -> None:
    match = make_match()
    licence = make_licence(recordings=[RecordingFactory.create()])

    with pytest.raises(errors.NotPossible):
        deciding.clear(match=match, user=manager, version=1, licence=licence)

    assert state_of(match) == MatchState.PENDING


def test_rescan_carries_the_licence_along() -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])
    match = make_match(recording=recording)

    scan = ScanFactory.create(scanned_file=match.scanned_file)
    again = make_match(scan=scan, recording=recording)

    assert (again.state, again.licence) == (MatchState.CLEARED, licence)


@pytest.mark.parametrize(
    "terms",
    [
        {"scope": LicenceScope.BUCKET},
        {"scope": LicenceScope.LABEL},
        {"scope": LicenceScope.RECORDINGS},
        {"scope": LicenceScope.ALL},
        {"scope": LicenceScope.ALL, "use_kind": UseKind.ACCOUNT},
    ],
)
def test_licence_that_names_nothing_or_everything_is_refused(
    terms: dict[str, Any],
) -> None:
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


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_only_managers_change_licences(role: Role) -> None:
    licence = make_licence(recordings=[RecordingFactory.create()])
    user = make_user(role)

    with pytest.raises(errors.NotAllowed):
        licences.save(licence=licence, user=user)
    with pytest.raises(errors.NotAllowed):
        licences.apply(licence=licence, user=user, reach=Reach.ALL)
    with pytest.raises(errors.NotAllowed):
        licences.withdraw(licence=licence, user=user, reason="because")

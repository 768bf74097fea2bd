"""A notice from its preparation to its answers, and what refuses each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Recording, RecordingStatus
from catalogue.owners.choices import Right, ShareKind
from catalogue.owners.models import Conflict, Party, RightsRecording, Share
from plugins.notices import answers, checks, services, signing, steps
from plugins.notices.answers import Reply
from plugins.notices.business_days import restore_days
from plugins.notices.errors import NoticeRefused
from plugins.notices.in_packs import notices_about
from plugins.notices.models import (
    ClaimedRight,
    NoticeAnswer,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    NoticeState,
    TakedownNotice,
)
from plugins.notices.pages.lists import NOTICES
from plugins.notices.selectors import notices_and_changes, notices_of
from plugins.notices.services import Sending
from plugins.notices.signing import Signing
from plugins.notices.tests.factories import (
    FILLED_IN,
    TYPED,
    make_claim,
    make_draft,
    make_sent,
    make_signed,
    make_submitted,
)
from reports.evidence.models import EvidencePack
from review.choices import DisputeCode, DisputeStatus, MatchState
from review.models import Dispute, Match
from review.services import exclusions
from review.services.folding import fold_scan
from scanning.choices import SourceType
from scanning.models import ScannedFile
from scanning.services.filing import change_details
from statements import following
from statements.choices import StatementState
from statements.models import Statement, StatementFact
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.owners import contradict, own, record_of
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory, make_detection
from tests.fixtures import MakeClient

# Slow: each notice stands on a signed evidence pack.
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def prepare(*matches: Match, user: User) -> TakedownNotice:
    return services.prepare(
        matches=matches, law=NoticeLaw.US_512C, right=ClaimedRight.RECORDING, user=user
    )


def refusal(*matches: Match, user: User) -> str:
    with pytest.raises(NoticeRefused) as refused:
        prepare(*matches, user=user)
    return refused.value.message


def dispute_of(match: Match) -> Dispute:
    assert match.dispute is not None
    return match.dispute


def listed_lapsed() -> list[TakedownNotice]:
    """Return what the list says of notices once the worker has followed the changes."""
    while run_next(Pool.WORK):
        pass
    return list(NOTICES.select_for({"due": "lapsed"}))


def statement_of(subject: str) -> Statement:
    return Statement.objects.get(subject=subject)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo in the database what happens within, for the next change to one notice."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def replied(
    notice: TakedownNotice,
    outcome: NoticeOutcome,
    user: User,
    *,
    code: str = "",
    statement: str = "",
) -> None:
    notice.refresh_from_db()
    answers.answer(
        notice=notice,
        version=notice.version,
        matches=[item.match.uid for item in notice.items.all()],
        reply=Reply(
            outcome=outcome, received_at=datetime.now(tz=UTC), statement=statement, code=code
        ),
        user=user,
    )
    notice.refresh_from_db()


def test_a_notice_goes_all_the_way(reviewer: User, manager: User) -> None:
    claims = [make_claim(reviewer), make_claim(reviewer)]

    notice = make_sent(claims, reviewer, manager)
    unsent = make_signed([make_claim(reviewer)], reviewer, manager)
    states = []
    for match in claims:
        answers.answer(
            notice=notice,
            version=notice.version,
            matches=[match.uid],
            reply=Reply(outcome=NoticeOutcome.REMOVED, received_at=datetime.now(tz=UTC)),
            user=reviewer,
        )
        notice.refresh_from_db()
        states.append(notice.state)

    # It is answered once every match is.
    assert states == [NoticeState.SENT, NoticeState.ANSWERED]
    assert notice.number == 1
    assert notice.reference == f"TN-{datetime.now(tz=UTC).year}-0001"
    for item in notice.items.all():
        assert item.pack == EvidencePack.objects.get(match=item.match)
        assert statement_of(item.pack.match.uid).state == StatementState.SENT
    # Nobody has the pack of a notice that waits to be sent.
    for uid in (unsent.uid, unsent.items.get().match.uid):
        assert statement_of(uid).state == StatementState.APPROVED
    statement = statement_of(notice.uid)
    assert (statement.name, statement.state) == (notice.reference, StatementState.SENT)
    assert {fact.match for fact in statement.facts.all()} == {match.uid for match in claims}
    assert [
        event.action for event in Event.objects.filter(case=notice.case).order_by("sequence")
    ] == [
        "notice.prepared",
        "notice.filled",
        "notice.submitted",
        "notice.signed",
        "notice.sent",
        "notice.answered",
        "notice.answered",
    ]
    assert first_broken_event(case=notice.case) is None


def test_matches_that_no_notice_may_name_are_refused(reviewer: User, manager: User) -> None:
    def make_changed(change: Callable[[Match], Match]) -> Match:
        return change(make_claim(reviewer))

    waiting = make_match()
    undone = make_changed(lambda match: deciding.undo(match=match, user=reviewer))
    disputed = make_changed(
        lambda match: deciding.record(
            match=match, user=reviewer, code="other", statement="It is theirs."
        )
    )
    released = make_changed(
        lambda match: deciding.release(match=match, user=manager, answer="Not ours.")
    )
    rejected = deciding.reject(match=make_match(), user=reviewer, reason="noise")
    cleared = deciding.clear(match=make_match(), user=reviewer, reason="Agreed by phone.")
    uploaded, licensed = make_claim(reviewer), make_claim(reviewer)
    files = ScannedFile.objects.all()
    files.filter(pk=uploaded.scanned_file_id).update(source_type=SourceType.FILE, source_url="")
    uploaded.scanned_file.refresh_from_db()
    licence = make_licence(recordings=[licensed.recording])
    lost = make_claim(reviewer)
    _lose(lost, manager)

    for match, reason in (
        (waiting, "Nobody has decided this match yet."),
        (undone, "Nobody has decided this match yet."),
        (disputed, "This match is disputed."),
        (released, "This match is released."),
        (rejected, "This match is rejected."),
        (cleared, "This use was cleared."),
        (uploaded, "The file has no address"),
        (licensed, f"{licence.number} covers this use"),
        (lost, "A later scan no longer finds the recording."),
    ):
        assert reason in refusal(match, user=reviewer)
    # One notice goes to one platform.
    here, there = make_claim(reviewer), make_claim(reviewer)
    files.filter(pk=there.scanned_file_id).update(platform="Elsewhere")
    there.scanned_file.refresh_from_db()
    assert "Elsewhere, Video Example" in refusal(here, there, user=reviewer)
    assert not TakedownNotice.objects.exists()


def test_a_doubtful_share_refuses_the_match(reviewer: User) -> None:
    claim = make_claim(reviewer)
    claim.recording.isrc = claim.recording.isrc_normalised = "QZAA02600001"
    claim.recording.save()
    record = RightsRecording.objects.create(isrc="QZAA02600001", title="Tune")
    for name in ("One Music", "Other Music"):
        Share.objects.create(
            recording=record,
            party=Party.objects.create(name=name),
            right=Right.MASTER,
            kind=ShareKind.OWNERSHIP,
            percent=100,
            claimant=name,
            included=["2136"],
        )
    contradict(record)

    assert "a rights conflict is open" in refusal(claim, user=reviewer)
    Conflict.objects.all().delete()
    Share.objects.filter(claimant="Rival").update(
        recording=RightsRecording.objects.create(recording=claim.recording), claimant=""
    )
    assert "its ISRCs together" in refusal(claim, user=reviewer)


def test_a_match_is_in_one_open_notice_only(reviewer: User) -> None:
    claim = make_claim(reviewer)
    first = prepare(claim, user=reviewer)

    assert "Another open notice names it" in refusal(claim, user=reviewer)

    services.withdraw(notice=first, version=first.version, why="Prepared twice.", user=reviewer)
    assert prepare(claim, user=reviewer).pk != first.pk


def test_us_law_needs_every_element_and_european_law_fewer(reviewer: User) -> None:
    draft = make_draft([make_claim(reviewer)], reviewer)

    def filled(notice: TakedownNotice, values: dict[str, str]) -> TakedownNotice:
        return services.fill(notice=notice, version=notice.version, values=values, user=reviewer)

    for name, value in FILLED_IN.items():
        draft = filled(draft, {name: " "})
        with pytest.raises(NoticeRefused) as refused:
            services.submit(notice=draft, version=draft.version, user=reviewer)
        assert set(refused.value.fields) == {name}
        draft = filled(draft, {name: value})
    last = Event.objects.filter(action="notice.filled").latest("pk")
    assert last.after == {name: value}
    assert filled(draft, {name: value}).version == draft.version

    draft = make_draft([make_claim(reviewer)], reviewer, law=NoticeLaw.EU_DSA16)
    draft = filled(draft, {"contact_address": "", "contact_phone": ""})
    assert steps.missing_in(draft) == {}


def test_a_notice_in_review_is_signed_by_managers_who_consent_to_what_they_saw(
    reviewer: User, manager: User
) -> None:
    claim = make_claim(reviewer)
    notice = make_submitted([claim], reviewer)
    seen = notice.version

    def refused(
        why: str | None = None, *, typed: Signing = TYPED, user: User = manager
    ) -> set[str]:
        with pytest.raises(NoticeRefused, match=why) as caught:
            signing.sign(notice=notice, version=seen, signing=typed, user=user)
        return set(caught.value.fields)

    # Nobody signs without typing every consent.
    for name, typed in (
        ("good_faith", ""),
        ("good_faith", "yes"),
        ("accuracy", ""),
        ("signature", " "),
    ):
        assert refused(typed=replace(TYPED, **{name: typed})) == {name}
    # Reviewers prepare notices, viewers nothing.
    refused("Your role", user=reviewer)
    with pytest.raises(NoticeRefused, match="Your role"):
        prepare(make_claim(reviewer), user=make_user(Role.VIEWER))
    # Nobody signs without evidence, or what was undone.
    with rolled_back():
        EvidencePack.objects.all().delete()
        refused("no current evidence pack")
    with rolled_back():
        deciding.undo(match=claim, user=reviewer)
        refused("Nobody has decided this match yet")
    notice.refresh_from_db()
    assert (notice.state, notice.number) == (NoticeState.REVIEW, None)
    # The version that a person saw decides.
    back = services.give_back(notice=notice, version=seen, why="Wrong owner", user=manager)
    assert (back.state, back.version) == (NoticeState.DRAFT, seen + 1)
    refused("Somebody has changed this notice")


def test_a_notice_begins_with_the_sender_and_recipient_of_the_last(
    reviewer: User, manager: User
) -> None:
    make_draft([make_claim(reviewer)], reviewer)

    notice = prepare(make_claim(reviewer), user=reviewer)
    second_notice = prepare(make_claim(reviewer), user=manager)

    assert notice.owner == FILLED_IN["owner"]
    assert notice.recipient == second_notice.recipient == FILLED_IN["recipient"]
    assert (notice.reasons, notice.fair_use) == ("", "")
    assert (second_notice.owner, second_notice.contact_name) == ("", "")


def test_where_a_policy_asks_for_two_people_another_one_signs(manager: User) -> None:
    claim = make_claim(manager)
    Match.objects.filter(pk=claim.pk).update(needs_approval=True)
    notice = make_submitted([claim], manager)
    other_user = make_user(Role.MANAGER)

    with pytest.raises(NoticeRefused, match="second person"):
        signing.sign(notice=notice, version=notice.version, signing=TYPED, user=manager)
    signed = signing.sign(notice=notice, version=notice.version, signing=TYPED, user=other_user)

    assert signed.signed_by == other_user


@pytest.mark.soak
def test_numbers_have_no_gap_and_begin_again_each_year(
    reviewer: User, manager: User, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    first = make_signed([make_claim(reviewer)], reviewer, manager)
    second = make_submitted([make_claim(reviewer)], reviewer)
    with monkeypatch.context() as broken:
        broken.setattr("plugins.notices.signing.record_step", lambda *_args, **_options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            signing.sign(notice=second, version=second.version, signing=TYPED, user=manager)
    third = make_signed([make_claim(reviewer)], reviewer, manager)

    second.refresh_from_db()
    assert (first.number, second.number, third.number) == (1, None, 2)
    names = {path.name for path in (data_dir / "media" / "notices").iterdir()}
    assert names == {Path(row.pdf.path).name for row in (first, third)}

    TakedownNotice.objects.update(year=first.signed_at.year - 1)  # type: ignore[union-attr]  # it is signed
    second.refresh_from_db()
    second = signing.sign(notice=second, version=second.version, signing=TYPED, user=manager)
    assert second.number == 1


def lose_silently() -> None:
    """Change a ground without an event, as the calendar does; the hourly check sees it."""
    Match.objects.update(state=MatchState.SUPPRESSED)
    following.note_all()


def test_a_later_decision_marks_the_notice(reviewer: User, manager: User) -> None:
    claim = make_claim(reviewer)
    notice = make_signed([claim], reviewer, manager)

    for change in (
        lambda: deciding.undo(match=claim, user=reviewer),
        lambda: deciding.release(match=claim, user=manager, answer="Not ours."),
        lose_silently,
    ):
        assert not listed_lapsed()
        with rolled_back():
            change()

            assert listed_lapsed() == [notice]
            assert checks.why_lapsed(notice.items.get())
            services.withdraw(notice=notice, version=notice.version, why="Given up.", user=manager)
            assert not listed_lapsed()
            assert statement_of(notice.uid).state == StatementState.WITHDRAWN
        notice.refresh_from_db()


def test_a_claim_that_goes_on_after_rescans_and_merges_leaves_the_notice(
    reviewer: User, manager: User
) -> None:
    claim = make_claim(reviewer)
    notice = make_sent([claim], reviewer, manager)

    def rescan(recording: Recording) -> None:
        scan = ScanFactory.create(scanned_file=claim.scanned_file)
        make_detection((70_000, 90_000, 5_000, 25_000), scan=scan, recording=recording)
        fold_scan(scan=scan)

    rescan(claim.recording)
    claim.refresh_from_db()
    assert claim.state == MatchState.CONFIRMED
    assert checks.why_lapsed(notice.items.get()) == ""
    assert not listed_lapsed()

    stays = claim.recording
    for _ in range(2):
        merged, stays = stays, RecordingFactory.create(bucket=stays.bucket)
        Recording.objects.filter(pk=merged.pk).update(
            merged_into=stays, status=RecordingStatus.RETIRED
        )
        for _ in range(2):
            rescan(stays)
    live = Match.objects.get(recording=stays, state=MatchState.CONFIRMED)
    item = notice.items.get()
    assert (item.match, checks.why_lapsed(item)) == (live, "")
    assert not listed_lapsed()
    assert [named["notice_id"] for named in notices_about(live)] == [notice.uid]
    assert notices_of(live) == [notice]
    with pytest.raises(NoticeRefused, match="Another open notice names it"):
        prepare(live, user=reviewer)
    replied(notice, NoticeOutcome.REFUSED, manager, code=DisputeCode.LICENSED)
    live.refresh_from_db()
    assert live.state == MatchState.DISPUTED


def test_a_counter_notice_opens_a_dispute_that_a_removal_closes(
    reviewer: User, manager: User
) -> None:
    claim = make_claim(reviewer)
    notice = make_sent([claim], reviewer, manager)

    replied(
        notice,
        NoticeOutcome.COUNTER,
        reviewer,
        code=DisputeCode.OWN_CONTENT,
        statement="My own recording.",
    )

    claim.refresh_from_db()
    answer = notice.items.get().answers.get()
    assert claim.state == MatchState.DISPUTED
    assert answer.dispute == claim.dispute
    assert dispute_of(claim).statement == f"{notice.reference}: My own recording."
    days = restore_days(answer.received_at.date())
    assert (answer.restore_from, answer.restore_until) == (days.begin, days.end)
    assert NOTICES.select_for({"due": "counter"}).get() == notice

    with pytest.raises(NoticeRefused, match="Only a manager"):
        replied(notice, NoticeOutcome.REMOVED, reviewer)
    replied(notice, NoticeOutcome.REMOVED, manager)
    claim.refresh_from_db()
    assert claim.state == MatchState.UPHELD
    assert dispute_of(claim).status == DisputeStatus.WITHDRAWN
    assert NoticeItem.objects.get().answers.count() == 2


def test_a_refusal_with_grounds_opens_a_dispute(reviewer: User, manager: User) -> None:
    claim = make_claim(reviewer)
    notice = make_sent([claim], reviewer, manager)

    for code, state in (("", MatchState.CONFIRMED), (DisputeCode.LICENSED, MatchState.DISPUTED)):
        replied(notice, NoticeOutcome.REFUSED, reviewer, code=code)

        claim.refresh_from_db()
        assert claim.state == state
        assert notice.state == NoticeState.ANSWERED
    # A dispute answers a sent notice.
    assert checks.changed_since_signed(notice) == []


def test_a_notice_is_signed_then_sent_then_answered(reviewer: User, manager: User) -> None:
    claim = make_claim(reviewer)
    notice = make_signed([claim], reviewer, manager)
    now, hour = datetime.now(tz=UTC), timedelta(hours=1)
    # The minute of a form never lies before the step before.
    minute = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    TakedownNotice.objects.filter(pk=notice.pk).update(signed_at=minute + timedelta(seconds=40))

    with pytest.raises(NoticeRefused, match="in the future"):
        sent(notice, reviewer, at=now + timedelta(days=1))
    with pytest.raises(NoticeRefused, match="signed later"):
        sent(notice, reviewer, at=minute - hour)
    notice = sent(notice, reviewer, at=minute)

    def answered(at: datetime) -> NoticeAnswer:
        (answer,) = answers.answer(
            notice=notice,
            version=notice.version,
            matches=[claim.uid],
            reply=Reply(outcome=NoticeOutcome.REMOVED, received_at=at),
            user=reviewer,
        )
        return answer

    with pytest.raises(NoticeRefused, match="sent later"):
        answered(minute - hour)
    answer = answered(minute)
    notice.refresh_from_db()
    assert notice.signed_at is not None
    assert notice.sent_at is not None
    assert notice.signed_at <= notice.sent_at <= answer.received_at


def test_a_draft_keeps_its_last_match(reviewer: User) -> None:
    first, second = make_claim(reviewer), make_claim(reviewer)
    notice = prepare(first, second, user=reviewer)

    notice = services.take_out(
        notice=notice, version=notice.version, match=first.uid, user=reviewer
    )
    with pytest.raises(NoticeRefused, match="the only match"):
        services.take_out(notice=notice, version=notice.version, match=second.uid, user=reviewer)

    assert prepare(first, user=reviewer).items.get().match == first


def sent(notice: TakedownNotice, user: User, **options: object) -> TakedownNotice:
    sending = Sending(
        **{"at": datetime.now(tz=UTC), "to": "agent", "how": "E-mail", **options}  # type: ignore[arg-type]  # the test's own values
    )
    return services.mark_sent(notice=notice, version=notice.version, sending=sending, user=user)


def test_what_changed_since_the_signature_asks_before_sending(
    reviewer: User, manager: User
) -> None:
    claim = make_claim(reviewer)
    notice = make_signed([claim], reviewer, manager)

    with rolled_back():
        owned_by(claim, "Harbour Lights")
        with pytest.raises(NoticeRefused, match="its owners are: Harbour Lights"):
            sent(notice, reviewer)
    with rolled_back():
        _exclude(claim, manager)
        with pytest.raises(NoticeRefused, match="other seconds"):
            sent(notice, reviewer)
    with rolled_back():
        # The document says whole seconds.
        fact = StatementFact.objects.get(statement__kind="notice")
        fact.cells["intervals"][0][0] += 1
        fact.save()
        assert checks.changed_since_signed(notice) == []
    licence = make_licence(recordings=[claim.recording])
    with pytest.raises(NoticeRefused, match=licence.number) as refused:
        sent(notice, reviewer)
    assert refused.value.code == "ground_changed"

    notice = sent(notice, reviewer, despite=True)

    assert notice.state == NoticeState.SENT


def owned_by(match: Match, name: str, *territories: str) -> Share:
    """Let a party own the master right of the match's recording in territories."""
    return own(record_of(match.recording), name, included=list(territories), claimant="")


def test_a_notice_for_somebody_who_owns_nothing_there_is_refused(reviewer: User) -> None:
    claim = make_claim(reviewer)
    ScannedFile.objects.filter(pk=claim.scanned_file_id).update(tags=["territory:GB"])
    draft = make_draft([claim], reviewer)

    for owner, where, why in (
        ("Harbour Lights", "GB", "its owners are: Harbour Lights"),
        ("Example Music Ltd", "US", "nobody owns a share of it on this day"),
    ):
        with rolled_back():
            owned_by(claim, owner, where)
            with pytest.raises(NoticeRefused, match=why) as refused:
                services.submit(notice=draft, version=draft.version, user=reviewer)
            assert refused.value.code == "unfit_matches"

    owned_by(claim, "EXAMPLE MUSIC, LTD.", "GB")
    services.submit(notice=draft, version=draft.version, user=reviewer)


def test_a_notice_for_a_party_that_was_merged_holds(reviewer: User, manager: User) -> None:
    claim = make_claim(reviewer)
    former = owned_by(claim, FILLED_IN["owner"]).party
    notice = make_signed([claim], reviewer, manager)
    owners = notice.content["items"][0]["owners"]
    assert owners == ["Example Music Ltd, 100 % of the master right"]

    for name in ("Example Music", "Example Group"):
        into = Party.objects.create(name=name)
        Share.objects.filter(party=former).update(party=into)
        Party.objects.filter(pk=former.pk).update(merged_into=into)
        former = into

    assert checks.changed_since_signed(notice) == []


def test_a_notice_names_two_matches_of_the_same_seconds(
    reviewer: User, signed_in: MakeClient
) -> None:
    claim = make_claim(reviewer)
    ScannedFile.objects.filter(pk=claim.scanned_file_id).update(tags=["territory:GB"])
    other_match = make_match(scan=claim.scan, match={"state": MatchState.CONFIRMED})
    notice = prepare(claim, other_match, user=reviewer)

    page = signed_in(Role.REVIEWER).get(notice.url).content.decode()

    assert "are claimed for the same seconds" in page
    assert "when it arrived" in page
    assert "United Kingdom from the file" in page


def test_a_conflict_of_a_merged_recording_stops_the_notice(reviewer: User, manager: User) -> None:
    """The match keeps the recording that it found; the conflict is in the other one."""
    claim = make_claim(reviewer)
    stays = RecordingFactory.create(bucket=claim.recording.bucket)
    share = owned_by(claim, "Example Music Ltd")
    Share.objects.filter(pk=share.pk).update(recording=record_of(stays))
    share.pk, share.uid, share.claimant = None, "sh_2", "Rival"
    share.party = Party.objects.create(name="Rival")
    share.recording = record_of(stays)
    share.save()
    contradict(record_of(stays))
    assert prepare(claim, user=reviewer).items.count() == 1
    NoticeItem.objects.all().delete()

    Recording.objects.filter(pk=claim.recording_id).update(
        merged_into=stays, status=RecordingStatus.RETIRED
    )

    assert "The shares are in doubt" in refusal(claim, user=reviewer)


def _license(claim: Match, manager: User) -> None:
    make_licence(recordings=[claim.recording])


def _exclude(claim: Match, manager: User) -> None:
    exclusions.exclude(
        recording=claim.recording, interval=(0, 10_000), reason="ident", user=manager
    )


def _name_otherwise(claim: Match, manager: User) -> None:
    Match.objects.filter(pk=claim.pk).update(recording=RecordingFactory.create(title="Other"))
    following.note_all()


def _move(claim: Match, manager: User) -> None:
    ScannedFile.objects.filter(pk=claim.scanned_file_id).update(source_type=SourceType.FILE)
    details = {"source_url": "https://video.example/v/2"}
    change_details(scanned_file=claim.scanned_file, details=details, user=manager)


def _sell(claim: Match, manager: User) -> None:
    own(record_of(claim.recording), "Example Music Ltd")
    following.note_all()


def _sell_to_others(claim: Match, manager: User) -> None:
    own(record_of(claim.recording), "Harbour Lights")
    following.note_all()


def _doubt(claim: Match, manager: User) -> None:
    share = owned_by(claim, FILLED_IN["owner"])
    share.pk, share.uid, share.claimant = None, "sh_2", "Rival"
    share.party = Party.objects.create(name="Rival")
    share.save()
    contradict(record_of(claim.recording))
    following.note_all()


def _lose(claim: Match, manager: User) -> None:
    fold_scan(scan=ScanFactory.create(scanned_file=claim.scanned_file))


def _give_up(claim: Match, manager: User) -> None:
    deciding.release(match=claim, user=manager, answer="No.")


def test_a_sent_notice_is_flagged_when_its_ground_changes(reviewer: User, manager: User) -> None:
    claim = make_claim(reviewer)
    Recording.objects.filter(pk=claim.recording_id).update(
        isrc="GBAAA2600001", isrc_normalised="GBAAA2600001"
    )
    notice = make_sent([claim], reviewer, manager)

    for change, text in (
        (_license, "covers this use"),
        (_exclude, "other seconds"),
        (_name_otherwise, "of another recording now: Other"),
        (_move, "another address now: https://video.example/v/2"),
        (_sell, "other owners"),
        (_sell_to_others, "owns no share"),
        (_doubt, "a rights conflict is open"),
        (_lose, "no longer finds"),
        (_give_up, "is released now"),
    ):
        claim = Match.objects.get(pk=claim.pk)
        assert notices_and_changes(claim) == [(notice, "")]
        with rolled_back():
            change(claim, manager)

            ((_notice, message),) = notices_and_changes(Match.objects.get(pk=claim.pk))
            assert text in message
            changes = checks.changed_since_signed(notice)
            assert [message in change for change in changes] == [True]
            assert listed_lapsed() == [notice]
        assert listed_lapsed() == []

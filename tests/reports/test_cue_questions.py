"""An entered cue and a match in the same seconds: one question, one line, one answer."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from reports.cue_entries import SheetRefused, enter, remove
from reports.cue_questions import questions_of
from reports.cue_sheets import cue_sheet
from reports.models import CueEntry, EntryKind
from review.choices import MatchState, PolicyAction, QueueReason, RejectCode, Verb
from review.decisions.verbs import Decision
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.selectors import use_of
from review.services import licences
from review.services.folding import fold_scan
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_limited, make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

PLAY = (70_000, 90_000, 0, 20_000)
TUNE = {"title": "Late tune", "use": CueUse.THEME, "origin": MusicOrigin.LIBRARY, "note": "ask Kim"}


def say(
    file: ScannedFile,
    user: User,
    span: tuple[int, int] = (70_000, 90_000),
    kind: EntryKind = EntryKind.MUSIC,
) -> CueEntry:
    return enter(
        file=file,
        user=user,
        start_ms=span[0],
        end_ms=span[1],
        kind=kind,
        details=TUNE if kind == EntryKind.MUSIC else {},
    )


def fresh(match: Match) -> Match:
    return Match.objects.get(pk=match.pk)


def lines(file: ScannedFile) -> list[tuple[int, int, str, int]]:
    return [
        (cue.start_ms // 1000, cue.end_ms // 1000, cue.title, len(cue.questions))
        for cue in cue_sheet(file=file).cues
    ]


def row_of(entry: CueEntry) -> dict[str, object]:
    return dict(CueEntry.objects.values().get(pk=entry.pk))


def make_question(user: User) -> tuple[CueEntry, Match]:
    """Return an entry, and the match that a scan finds later in its seconds."""
    file = ScannedFileFactory.create()
    entry = say(file, user)
    return entry, make_match(PLAY, scan=ScanFactory.create(scanned_file=file))


def test_a_match_over_an_entry_waits_whatever_the_rules_say(reviewer: User, manager: User) -> None:
    make_policy(action=PolicyAction.CONFIRM)
    entry, match = make_question(reviewer)
    licence = make_licence(recordings=[match.recording], in_force=False)

    assert licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL) == 0
    outcome = deciding.bulk_decide(
        expected={match.uid: fresh(match).version}, user=manager, decision=Decision(Verb.CONFIRM)
    )

    assert (fresh(match).state, fresh(match).queue_reason) == (
        MatchState.PENDING,
        QueueReason.NAMES_ENTRY,
    )
    assert [refusal.match for refusal in outcome.refused] == [match]
    assert lines(match.scanned_file) == [(70, 90, "Late tune", 1)]
    assert match.recording.title in questions_of(match)[0].text
    # Without the entry, rules decide again.
    remove(entry=entry, user=reviewer)
    assert fresh(match).state != MatchState.PENDING


def test_taking_the_match_carries_use_and_note_over_and_undo_is_exact(reviewer: User) -> None:
    entry, match = make_question(reviewer)
    other_match = make_match(
        PLAY, scan=match.scan, recording=RecordingFactory.create(title="Rival")
    )
    before, was = row_of(entry), fresh(other_match)

    taken = deciding.confirm(match=fresh(match), user=reviewer)

    assert not CueEntry.objects.exists()
    use = use_of(match.scanned_file, match.recording)
    assert use is not None
    assert (use.use, use.origin, taken.note) == (CueUse.THEME, MusicOrigin.LIBRARY, "ask Kim")
    assert fresh(other_match).queue_reason != QueueReason.NAMES_ENTRY
    undone = deciding.undo(match=taken, user=reviewer)

    assert row_of(entry) == before
    assert use_of(match.scanned_file, match.recording) is None
    assert (undone.note, undone.queue_reason) == ("", QueueReason.NAMES_ENTRY)
    assert fresh(other_match).queue_reason == was.queue_reason


def test_a_kept_entry_stays_through_a_scan_with_the_same_result(reviewer: User) -> None:
    entry, match = make_question(reviewer)
    deciding.reject(match=fresh(match), user=reviewer, reason=RejectCode.WRONG_RECORDING)

    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(PLAY, scan=scan, recording=match.recording)
    fold_scan(scan=scan)

    assert fresh(match).state == MatchState.REJECTED
    assert lines(match.scanned_file) == [(70, 90, "Late tune", 0)]
    assert CueEntry.objects.get() == entry


def test_the_second_person_answers_where_two_have_to_agree(reviewer: User) -> None:
    _entry, match = make_question(reviewer)
    Match.objects.filter(pk=match.pk).update(needs_approval=True)

    proposed = deciding.confirm(match=fresh(match), user=reviewer)

    assert proposed.state == MatchState.ESCALATED
    assert lines(match.scanned_file) == [(70, 90, "Late tune", 1)]
    deciding.confirm(match=proposed, user=make_user(Role.MANAGER))
    assert lines(match.scanned_file) == [(70, 90, match.recording.title, 0)]


@pytest.mark.parametrize(
    ("span", "state", "expected"),
    [
        # The match first, and the entry keeps the rest.
        ((85_000, 120_000), None, [(70, 90, "=", 0), (90, 120, "Late tune", 0)]),
        # Half of the shorter one is a question; what is left of the match stays.
        ((82_000, 98_000), None, [(70, 82, "=", 0), (82, 98, "Late tune", 1)]),
        ((80_001, 120_000), None, [(70, 90, "=", 0), (90, 120, "Late tune", 0)]),
        # A few seconds beside an entry are no line of their own.
        ((72_000, 88_000), None, [(72, 88, "Late tune", 1)]),
    ],
)
def test_seconds_count_once(
    reviewer: User,
    span: tuple[int, int],
    state: str | None,
    expected: list[tuple[int, int, str, int]],
) -> None:
    match = make_match(PLAY, state=state)
    say(match.scanned_file, reviewer, span)

    title = match.recording.title
    assert lines(match.scanned_file) == [
        (start, end, title if name == "=" else name, questions)
        for start, end, name, questions in expected
    ]


def test_nobody_enters_a_cue_where_a_match_is_decided(reviewer: User) -> None:
    match = make_match(PLAY)
    deciding.confirm(match=match, user=reviewer)
    hidden = make_limited(Role.REVIEWER, buckets=[BucketFactory.create().pk])

    with pytest.raises(SheetRefused, match=match.recording.title) as refused:
        say(match.scanned_file, reviewer)
    assert refused.value.match == match
    with working_for(hidden), pytest.raises(SheetRefused) as blind:
        say(match.scanned_file, hidden)
    assert blind.value.match is None
    assert match.recording.title not in blind.value.message


@pytest.mark.parametrize(("kind", "text"), [(EntryKind.UNKNOWN, ""), (EntryKind.NO_MUSIC, "=")])
def test_a_match_contradicts_unknown_and_no_music(
    reviewer: User, kind: EntryKind, text: str
) -> None:
    match = make_match(PLAY)
    say(match.scanned_file, reviewer, kind=kind)

    title = match.recording.title if text else ""
    assert fresh(match).queue_reason == QueueReason.NAMES_ENTRY
    assert lines(match.scanned_file) == [(70, 90, title, 1)]


def test_the_sheet_the_match_and_the_walk_ask_and_the_sheet_takes_the_answer(
    signed_in: MakeClient, reviewer: User
) -> None:
    _entry, match = make_question(reviewer)
    client: Client = signed_in(Role.REVIEWER)
    question = f"Late tune is now {match.recording.title}: replace the cue?"
    file = match.scanned_file
    sheet = reverse("portal:cue_sheet", args=[file.uid])
    walk = reverse("portal:file_review", args=[file.uid])
    for page in (sheet, match.review_url, f"{match.review_url}/preview"):
        assert question in client.get(page).content.decode(), page
    (row,) = client.get(walk).context["rows"]
    assert (row.match, row.is_done) == (match, False)

    answer = reverse("portal:cue_sheet_answer", args=[file.uid])
    version = fresh(match).version
    client.post(answer, {"answer": f"keep:{match.uid}:{version + 1}"})
    assert fresh(match).state in (MatchState.PENDING, MatchState.IN_REVIEW)
    client.post(answer, {"answer": f"keep:{match.uid}:{version}"})

    assert (fresh(match).state, fresh(match).decision_reason) == (
        MatchState.REJECTED,
        RejectCode.WRONG_RECORDING,
    )

"""The states of packs: stale, failed, repeated. No audio is needed."""

from __future__ import annotations

import errno
import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import reclaim
from catalogue.models import Recording
from dedup import actions
from dedup.effects import ActionRequest
from dedup.models import ActionVerb, DedupAction, DedupGroup
from dedup.services import find_duplicates
from reports import selectors as report_selectors
from reports.choices import Mode
from reports.evidence import clips, facts, sealing, selectors, services, signing
from reports.evidence.models import EvidencePack, PackStatus
from reports.evidence.selectors import EvidenceStatus, MatchPacks
from reports.evidence.services import EvidenceRefused
from reports.evidence.verification import verify
from reports.layouts import schema_of
from review.choices import VersionChoice
from review.models import Match
from review.services import file_details, folding, locks
from statements import following
from statements.models import Statement
from tests.evidence.conftest import BuildPack
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory, make_detection
from tests.failures import failing
from web.portal.accounts.erasure import erase

pytestmark = pytest.mark.django_db


def text_of(pack: EvidencePack) -> str:
    with zipfile.ZipFile(pack.file.path) as archive:
        return "\n".join(
            archive.read(name).decode()
            for name in archive.namelist()
            if not name.endswith((".png", ".pdf", ".sig"))
        )


def case_of(pack: EvidencePack) -> dict[str, Any]:
    with zipfile.ZipFile(pack.file.path) as archive:
        return dict(json.loads(archive.read("case.json")))


def followed(match: Match) -> MatchPacks:
    """Return the packs of a match once the worker has compared them."""
    while run_next(Pool.WORK):
        pass
    packs = selectors.evidence_of(match)
    assert packs is not None
    return packs


def state_of(pack: EvidencePack) -> str:
    return Statement.objects.get(evidence_pack=pack).state


def test_the_same_state_gives_the_same_bytes_and_stands_in_reports(build: BuildPack) -> None:
    match, other_match = make_match(), make_match()

    first, second = build(match), build(match)

    assert first.pk != second.pk
    assert first.sha256 == second.sha256
    assert first.as_of == second.as_of == 1
    assert "heard only" not in " ".join(case_of(first)["in_words"])
    chosen = report_selectors.selected(matches=Match.objects.all())
    names = [field.name for field in schema_of(Mode.MATCH).fields]
    rows = [
        dict(zip(names, cells, strict=True))
        for cells, _ in report_selectors.rows(chosen=chosen, mode=Mode.MATCH)
    ]
    rows_by_match = {row["match_id"]: row for row in rows}
    assert rows_by_match[match.uid]["evidence_status"] == "ready"
    assert rows_by_match[match.uid]["evidence_sha256"] == second.sha256
    assert rows_by_match[other_match.uid]["evidence_status"] == "none"
    assert not rows_by_match[other_match.uid]["evidence_sha256"]


def test_a_pack_tells_nothing_of_other_matches_and_no_address(
    build: BuildPack, reviewer: User
) -> None:
    reviewer.email = "rita@example.org"
    reviewer.save()
    scan = ScanFactory.create(
        unmatched=[
            {
                "start_ms": 0,
                "end_ms": 9000,
                "kind": "no_match",
                "candidate": {"recording_id": 1, "reason": "close to Other tune"},
            }
        ]
    )
    recording = RecordingFactory.create(title="Other tune")
    make_detection((70_000, 90_000, 0, 20_000), scan=scan, recording=recording)
    ours = make_detection((70_000, 90_000, 5_000, 25_000), scan=scan)
    folding.fold_scan(scan=scan)
    match = Match.objects.get(recording=ours.recording)
    other_match = Match.objects.get(recording=recording)
    pack = build(match)

    text = text_of(pack)

    assert match.uid in text
    for secret in (other_match.uid, recording.uid, "Other tune", "rita@example.org"):
        assert secret not in text
    # Asking, building and handing out are events.
    viewer = make_user(Role.VIEWER)
    services.record_download(pack=pack, user=viewer)
    events = Event.objects.filter(case=pack.case).order_by("sequence")
    assert [event.action for event in events] == [
        "evidence.requested",
        "evidence.built",
        "evidence.downloaded",
    ]
    assert events[2].actor == viewer
    assert events[1].after["sha256"] == pack.sha256


def test_a_decision_makes_a_pack_stale_and_a_new_one_ready(
    build: BuildPack, reviewer: User, django_assert_num_queries: Any
) -> None:
    match, matches = make_match(), [make_match(), make_match()]
    first = build(match)
    locks.take_lock(match=match, user=reviewer)
    looked = followed(match)
    match.refresh_from_db()

    deciding.confirm(match=match, user=reviewer)

    # Who signs is told at once, lists once the worker has compared.
    assert selectors.current_packs([match.pk]) == {}
    stale = followed(match)
    second = build(match)
    fresh = followed(match)
    assert looked.status == EvidenceStatus.READY
    assert stale.status == EvidenceStatus.STALE
    assert [difference["text"] for difference in stale.statement.differs_in] == [  # type: ignore[union-attr]  # a ready pack has one
        "The match is confirmed now."
    ]
    assert stale.sha256 == first.sha256
    assert fresh.status == EvidenceStatus.READY
    assert fresh.sha256 == second.sha256 != first.sha256
    assert default_storage.exists(str(first.file.name))
    assert case_of(second)["decisions"][-1]["to"] == "confirmed"
    # Many matches are told with as many queries as one.
    with CaptureQueriesContext(connection) as of_one:
        selectors.current_packs([match.pk])
    for other_match in matches:
        build(other_match)
    with django_assert_num_queries(len(of_one)):
        current_packs = selectors.current_packs([match.pk for match in (match, *matches)])
    assert len(current_packs) == 3


def put_licence_in_force(match: Match, _user: User) -> None:
    make_licence(recordings=[match.recording])


def change_details(match: Match, user: User) -> None:
    details = {"account": "other", "tags": ["territory:DE"]}
    file_details.change(scanned_file=match.scanned_file, details=details, user=user)


def merge(match: Match, user: User) -> None:
    stays = RecordingFactory.create(bucket=match.recording.bucket, title="Mountain (Album)")
    for recording in (stays, match.recording):
        recording.audio_sha256, recording.audio_bytes = "ab" * 32, 10
        recording.save()
    find_duplicates(bucket=stays.bucket)
    group = DedupGroup.objects.get()
    uids = [stays.uid, match.recording.uid]
    actions.act_on_group(
        verb=ActionVerb.MERGE,
        group=group,
        user=user,
        version=group.version,
        seen=[member.recording.uid for member in group.members.all()],
        selection=ActionRequest(uids, canonical=stays.uid),
    )


def scan_again(match: Match, _user: User) -> None:
    later = match.created_at + timedelta(hours=1)
    scan = ScanFactory.create(scanned_file=match.scanned_file, finished_at=later)
    make_detection((70_000, 90_000, 5_000, 25_000), scan=scan, recording=match.recording)
    folding.fold_scan(scan=scan)


def erase_reviewer(match: Match, user: User) -> None:
    match.refresh_from_db()
    assert match.decided_by is not None
    erase(person=match.decided_by, actor=user)


def change_share(match: Match, _user: User) -> None:
    Recording.objects.filter(pk=match.recording_id).update(computed_share_pct=80)


_LICENCES = "Other licences are for the recording, or cover the use."


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (put_licence_in_force, [_LICENCES]),
        # The account of a file is among the terms of licences.
        (change_details, ["The details of the file or of its music have changed.", _LICENCES]),
        (
            merge,
            [
                "The recording has another title.",
                "The recording has other codes, such as its ISRC.",
                "Other details of the recording have changed.",
            ],
        ),
        (change_share, ["The recording has other writers, shares or territories."]),
        (scan_again, []),
        (erase_reviewer, []),
    ],
)
def test_a_pack_differs_in_what_a_new_one_would_state_otherwise(
    build: BuildPack, reviewer: User, manager: User, change: Callable[..., None], texts: list[str]
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer)
    pack = build(match)

    change(match, manager)
    # Some of these changes have no event, as those by the calendar.
    following.note_all()

    stale = followed(match)
    statement = Statement.objects.get(evidence_pack=pack)
    assert [difference["text"] for difference in statement.differs_in] == texts
    assert stale.is_stale == bool(texts)
    assert (match.pk in selectors.current_packs([match.pk])) == (not texts)


def test_a_decision_while_a_pack_is_built_makes_it_outdated(
    build: BuildPack, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    match, seal = make_match(), sealing.seal

    def decide_meanwhile(*args: Any, **kwargs: Any) -> str:
        deciding.confirm(match=match, user=reviewer)
        return seal(*args, **kwargs)

    monkeypatch.setattr(sealing, "seal", decide_meanwhile)
    build(match)

    assert followed(match).status == EvidenceStatus.STALE


def test_a_pack_is_sent_once_somebody_has_it_and_replaced_by_the_next(
    build: BuildPack, manager: User
) -> None:
    match = make_match()
    unread, first = build(match), build(match)
    assert (state_of(unread), state_of(first)) == ("replaced", "draft")

    services.record_download(pack=first, user=manager)
    second = build(match)
    assert (state_of(first), state_of(second)) == ("sent", "draft")
    services.record_download(pack=second, user=manager)
    # An earlier pack stays an earlier one, whoever reads it again.
    services.record_download(pack=first, user=manager)

    assert (state_of(first), state_of(second)) == ("replaced", "sent")
    newest = Statement.objects.get(evidence_pack=second)
    assert (newest.subject, newest.replaces) == (match.uid, first.statement)


def test_a_pack_of_a_merged_recording_names_what_stands_for_it_until_the_undo(
    build: BuildPack, reviewer: User, manager: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer)
    merge(match, manager)
    pack = build(match)

    actions.undo(action=DedupAction.objects.get(), user=manager)

    case = case_of(pack)
    named = case["recording"]
    assert named["title"] == "Mountain (Album)"
    assert named["merged_from"]["recording_id"] == match.recording.uid
    assert "“Mountain (Album)”" in case["in_words"][0]
    assert followed(match).status == EvidenceStatus.STALE


def test_without_a_key_none_is_begun_and_it_is_for_its_owner_alone(reviewer: User) -> None:
    match = make_match()
    with pytest.raises(EvidenceRefused, match="create_signing_key") as refused:
        services.request_pack(match=match, user=reviewer)
    assert refused.value.code == "no_signing_key"
    assert not EvidencePack.objects.exists()

    key = signing.create_key()
    assert signing.key_path().stat().st_mode & 0o777 == 0o600
    with pytest.raises(signing.KeyUnusable, match="already"):
        signing.create_key()
    assert signing.public_key().key_id == key.key_id
    # A key that others may read is refused.
    signing.key_path().chmod(0o644)
    with pytest.raises(EvidenceRefused, match="chmod 600"):
        services.request_pack(match=match, user=reviewer)
    # There is one pack of a match at a time.
    signing.key_path().chmod(0o600)
    services.request_pack(match=match, user=reviewer)
    with pytest.raises(EvidenceRefused, match="already"):
        services.request_pack(match=match, user=reviewer)


def test_a_pack_waits_for_room_with_nothing_half_written_and_then_is_built(
    build: BuildPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(sealing, "_write_zip", full)
        pack = build(make_match())

    assert (pack.status, pack.file.name) == (PackStatus.QUEUED, "")
    assert pack.message.startswith("The disk is full. Free some space; the job is tried")
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.zip"))
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
    evidence = selectors.evidence_of(pack.match)
    assert evidence is not None
    assert evidence.status == EvidenceStatus.QUEUED

    Job.objects.update(run_after=datetime.now(tz=UTC))
    run_next(Pool.WORK)

    pack.refresh_from_db()
    assert (pack.status, pack.message) == (PackStatus.READY, "")


def test_a_cancelled_pack_is_given_up_by_its_worker(
    key: signing.PublicKey, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = services.request_pack(match=make_match(), user=reviewer)
    real = clips.cut

    def cancel_meanwhile(*args: Any, **kwargs: Any) -> Any:
        assert services.cancel_pack(pack=pack, user=reviewer)
        return real(*args, **kwargs)

    monkeypatch.setattr(clips, "cut", cancel_meanwhile)
    run_next(Pool.WORK)

    pack.refresh_from_db()
    assert pack.status == PackStatus.CANCELLED
    assert pack.finished_at is not None
    assert not pack.file
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.zip"))
    assert selectors.evidence_of(pack.match) is None


def lose_worker(pack: EvidencePack, *, attempts: int = 1) -> None:
    EvidencePack.objects.filter(pk=pack.pk).update(status=PackStatus.BUILDING)
    Job.objects.filter(kind="evidence", subject=pack.pk).update(
        state=JobState.RUNNING,
        lease_owner="dead",
        lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
        attempts=attempts,
        progress=40,
    )


def test_what_a_killed_worker_left_is_built_by_the_next(
    key: signing.PublicKey, reviewer: User
) -> None:
    pack = services.request_pack(match=make_match(), user=reviewer)
    lose_worker(pack)
    pack.refresh_from_db()
    assert pack.progress == 40
    # The dead worker had already moved the file into its place.
    default_storage.save(f"evidence/{pack.uid}.zip", open(__file__, "rb"))  # noqa: PTH123, SIM115

    reclaim()
    run_next(Pool.WORK)

    pack.refresh_from_db()
    assert (pack.status, pack.progress) == (PackStatus.READY, 100)
    assert verify(Path(pack.file.path), key)[0].holds
    assert len(list(Path(settings.MEDIA_ROOT).rglob("*.zip"))) == 1


def test_a_worker_that_lost_its_pack_leaves_that_of_the_next_alone(
    key: signing.PublicKey, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = services.request_pack(match=make_match(), user=reviewer)
    seal = sealing.seal
    sealed: list[str] = []

    def sleep_too_long(folder: Path, target: Path, **about: Any) -> str:
        key_id = seal(folder, target, **about)
        if not sealed:
            sealed.append(key_id)
            lose_worker(pack)
            reclaim()
            run_next(Pool.WORK)
            # What the first worker writes now is another file.
            target.write_bytes(b"late")
        return key_id

    monkeypatch.setattr(sealing, "seal", sleep_too_long)
    run_next(Pool.WORK)

    pack.refresh_from_db()
    assert pack.status == PackStatus.READY
    assert verify(Path(pack.file.path), key)[0].holds
    assert Event.objects.filter(case=pack.case, action="evidence.built").count() == 1


def test_an_unforeseen_error_is_tried_again(
    key: signing.PublicKey, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = services.request_pack(match=make_match(), user=reviewer)

    with monkeypatch.context() as broken:
        broken.setattr(facts, "gather", failing(ValueError("odd sound")))
        run_next(Pool.WORK)
    pack.refresh_from_db()
    assert pack.status == PackStatus.QUEUED
    assert pack.message == "Attempt 1 failed: ValueError: odd sound"

    Job.objects.update(run_after=datetime.now(tz=UTC))
    run_next(Pool.WORK)

    pack.refresh_from_db()
    assert (pack.status, pack.message) == (PackStatus.READY, "")


def test_a_pack_that_failed_is_tried_again_unless_another_is_built(
    key: signing.PublicKey, reviewer: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ACRPORTAL_MAX_ATTEMPTS = 1
    match = make_match()
    pack = services.request_pack(match=match, user=reviewer)
    with monkeypatch.context() as broken:
        broken.setattr(sealing, "seal", failing(ValueError("odd sound")))
        run_next(Pool.WORK)
    pack.refresh_from_db()
    assert pack.status == PackStatus.FAILED
    assert pack.finished_at is not None
    other_pack = services.request_pack(match=match, user=reviewer)
    with pytest.raises(EvidenceRefused, match="Another pack"):
        services.try_again(pack=pack, user=reviewer)
    services.cancel_pack(pack=other_pack, user=reviewer)

    services.try_again(pack=pack, user=reviewer)
    run_next(Pool.WORK)

    pack.refresh_from_db()
    assert (pack.status, pack.message) == (PackStatus.READY, "")
    with pytest.raises(EvidenceRefused, match="has not failed"):
        services.try_again(pack=pack, user=reviewer)


def test_a_pack_that_kills_its_workers_is_given_up(
    key: signing.PublicKey, reviewer: User, settings: Any
) -> None:
    pack = services.request_pack(match=make_match(), user=reviewer)
    lose_worker(pack, attempts=settings.ACRPORTAL_MAX_ATTEMPTS)

    reclaim()

    pack.refresh_from_db()
    assert pack.status == PackStatus.FAILED
    assert "interrupted too often" in pack.message
    assert Event.objects.filter(case=pack.case, action="evidence.failed").exists()


def test_a_pack_says_that_another_version_fits_and_whether_somebody_chose(build: BuildPack) -> None:
    match = make_match(match={"version_choice": VersionChoice.OPEN})
    open_case = case_of(build(match))
    Match.objects.filter(pk=match.pk).update(version_choice=VersionChoice.CHOSEN)

    chosen_case = case_of(build(match))

    message = "Another version of the recording fits the same seconds equally well; "
    assert message + "nobody has chosen between them yet." in open_case["in_words"]
    assert message + "a person chose this one." in chosen_case["in_words"]
    assert chosen_case["match"]["version_choice"] == "chosen"


def test_audio_that_is_gone_the_band_and_long_times_are_told(build: BuildPack) -> None:
    heard: dict[str, object] = {"low_hz": 300}
    start = 27 * 3_600_000
    match = make_match(
        (start, start + 20_000, 0, 20_000), match=heard, segment=heard, state="suppressed"
    )
    match.scanned_file.length_ms = 30 * 3_600_000
    match.scanned_file.audio_removed_at = datetime(2026, 5, 1, tzinfo=UTC)
    match.scanned_file.save()
    match.recording.audio = "recordings/not/there"
    match.recording.status = "retired"
    match.recording.save()

    pack = build(match)

    # Suppressed and retired cases still have evidence.
    case, text = case_of(pack), text_of(pack)
    assert (pack.status, case["match"]["state"]) == (PackStatus.READY, "suppressed")
    assert any("was removed on 2026-05-01" in gap for gap in case["missing"])
    assert any("audio of the recording is not stored" in gap for gap in case["missing"])
    sentence = (
        "In the file the recording is heard only above about 300 Hz; its sound below is "
        "missing. Telephones sound like this."
    )
    assert sentence in case["in_words"]
    assert case["match"]["heard_from_hz"] == case["segments"][0]["heard_from_hz"] == 300
    # A use beyond a day is told with its hours.
    assert "27:00:00.000" in text
    assert "27:00:20.000" in text


@pytest.mark.parametrize(
    "title",
    [
        "نادي الليل (مباشر) שלום עולם 夜のドライブ 밤 🔥👩‍👩‍👧 </title><script>alert(1)</script>",
        "line\nbreak \u202eevil\u202c =1+1 " + "W" * 450,
    ],
)
def test_any_title_gives_two_pages_and_harmless_files(build: BuildPack, title: str) -> None:
    match = make_match()
    match.recording.title = title
    match.recording.save()

    pack = build(match)

    assert pack.status == PackStatus.READY, pack.message
    with zipfile.ZipFile(pack.file.path) as archive:
        assert archive.read("summary.pdf").count(b"/Type /Page\n") == 2
        assert b"<script" not in archive.read("case.html")
        assert json.loads(archive.read("case.json"))["recording"]["title"] == title

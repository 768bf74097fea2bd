"""What people stated stands on files and recordings: shown before they end, and kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.audit.models import Event
from base.audit.standing import StatementKind, standing_on
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Bucket, Recording
from imports import services as imports
from imports.recordings.kind import RECORDINGS
from review.choices import MatchState
from review.models import Match
from scanning.models import Container, ScannedFile
from statements.models import Statement
from statements.selectors import acts_on
from tests.factories import deciding
from tests.factories.accounts import make_limited, make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.statements import state_everywhere
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

STANDS = "These statements stay as they are"


@pytest.fixture
def match() -> Match:
    """Return a match with a pack that somebody has, and an approved cue sheet."""
    mira = make_user(Role.MANAGER)
    claim = deciding.confirm(match=make_match(), user=mira)
    state_everywhere(claim, mira)
    return claim


def work_off() -> None:
    while run_next(Pool.WORK):
        pass


def sheet_of(match: Match) -> Statement:
    return Statement.objects.get(kind=StatementKind.CUE_SHEET, subject=str(match.scanned_file.uid))


def kinds(statements: dict[str, list[Any]]) -> dict[str, set[str]]:
    return {
        case: {statement.kind for statement in statements_of_case}
        for case, statements_of_case in statements.items()
    }


def test_statements_are_found_by_file_and_by_recording(match: Match) -> None:
    file = f"file:{match.scanned_file.uid}"
    recording = f"recording:{match.recording.uid}"
    everything = {StatementKind.EVIDENCE, StatementKind.CUE_SHEET}

    statements = standing_on([file, recording, f"file:{make_match().scanned_file.uid}"])

    assert kinds(statements) == {file: everything, recording: everything}
    pack = Statement.objects.get(kind=StatementKind.EVIDENCE)
    assert [event.action for event in acts_on(pack)] == ["evidence.built", "evidence.requested"]


def test_a_file_is_deleted_after_its_statements_were_seen(
    match: Match, signed_in: MakeClient
) -> None:
    client, file = signed_in(Role.MANAGER), match.scanned_file
    address = reverse("portal:file_delete", args=[file.uid])

    page = client.get(address)
    answer = client.post(address, {"reason": "Wrong file"})
    file.refresh_from_db()
    assert file.deleted_at is None
    text = page.content.decode()
    assert STANDS in text
    assert sheet_of(match).page_url in text
    assert "The decision stays, without its file." in text
    assert STANDS in answer.content.decode()

    done = client.post(
        address, {"reason": "Wrong file", "agreed": answer.context["consequences"].mark}
    )

    file.refresh_from_db()
    assert (done.status_code, file.deleted_at is not None) == (302, True)


def test_many_files_are_deleted_after_their_statements_were_seen(
    match: Match, signed_in: MakeClient
) -> None:
    client, other_file = signed_in(Role.MANAGER), make_match().scanned_file
    files = [match.scanned_file, other_file]
    sent = {"verb": "delete", "file": [str(file.uid) for file in files], "reason": "Wrong files"}
    address = reverse("portal:files_many")

    answer = client.post(address, sent)
    unseen = client.post(address, sent | {"apply": "yes"})
    assert STANDS in answer.content.decode()
    assert STANDS in unseen.content.decode()
    assert not ScannedFile.objects.filter(deleted_at__isnull=False).exists()

    mark = answer.context["consequences"].mark
    client.post(address, sent | {"apply": "yes", "agreed": mark})

    assert ScannedFile.objects.filter(deleted_at__isnull=False).count() == 2


def test_a_file_on_which_nothing_stands_is_deleted_at_once(signed_in: MakeClient) -> None:
    file = make_match().scanned_file

    signed_in(Role.MANAGER).post(
        reverse("portal:file_delete", args=[file.uid]), {"reason": "Wrong file"}
    )

    file.refresh_from_db()
    assert file.deleted_at is not None


def test_a_recording_is_retired_after_its_statements_were_seen(
    match: Match, signed_in: MakeClient
) -> None:
    client, recording = signed_in(Role.MANAGER), match.recording
    address = reverse("portal:recording_retire", args=[recording.uid])
    licence = make_licence(recordings=[recording], in_force=False)

    answer = client.post(address)
    recording.refresh_from_db()
    assert recording.status != "retired"
    assert STANDS in answer.content.decode()
    assert str(licence) in answer.content.decode()

    client.post(address, {"agreed": answer.context["consequences"].mark})

    recording.refresh_from_db()
    assert recording.status == "retired"
    event = Event.objects.get(action="recording.retired")
    assert set(event.after["stated"]) == {"evidence", "cue_sheet"}


@pytest.mark.parametrize("place", ["container", "bucket"])
def test_a_container_or_bucket_is_deleted_after_its_statements_were_seen(
    match: Match, place: str, signed_in: MakeClient
) -> None:
    whole: Container | Bucket = match.scanned_file.container
    if place == "bucket":
        whole = match.recording.bucket
    client = signed_in(Role.ADMIN)
    address = reverse(f"portal:{place}_delete", args=[whole.pk])
    sheet = sheet_of(match)

    def is_deleted() -> bool:
        whole.refresh_from_db()
        return whole.deleted_at is not None

    seen = client.get(address)
    outdated = client.post(address, {"agreed": "0" * 16})

    assert not is_deleted()
    for answer in (seen, outdated):
        text = answer.content.decode()
        assert STANDS in text
        assert sheet.page_url in text
    mark = dict(outdated.context["kept"])["agreed"]
    assert client.post(address, {"agreed": mark}).status_code == 302
    assert is_deleted()
    work_off()
    sheet.refresh_from_db()
    assert bool(sheet.differs_since) is (place == "container")


def test_an_api_deletes_and_the_event_says_what_stood_on_it(match: Match) -> None:
    file, admin = match.scanned_file, make_user(Role.ADMIN)
    secret = create_token(owner=admin, name="t", scopes=["all"]).secret
    client = Client(headers={"authorization": f"Bearer {secret}"})

    answer = client.delete(f"/api/fs-containers/{file.container_id}/files/{file.uid}")

    assert answer.status_code == 204
    event = Event.objects.get(action="file.deleted")
    assert event.after == {"stated": {"evidence": [match.uid], "cue_sheet": [str(file.uid)]}}


def test_a_container_is_deleted_and_the_events_say_what_stood_on_its_files(match: Match) -> None:
    admin = make_user(Role.ADMIN)
    secret = create_token(owner=admin, name="t", scopes=["all"]).secret
    client = Client(headers={"authorization": f"Bearer {secret}"})

    client.delete(f"/api/fs-containers/{match.scanned_file.container_id}")

    event = Event.objects.get(action="file.deleted")
    assert set(event.after["stated"]) == {"evidence", "cue_sheet"}


def test_statements_out_of_sight_are_not_named(match: Match) -> None:
    other_bucket_id = make_match().recording.bucket_id
    limited = make_limited(
        Role.MANAGER, containers=[match.scanned_file.container_id], buckets=[other_bucket_id]
    )
    client = Client()
    client.force_login(limited)

    page = client.get(reverse("portal:file_delete", args=[match.scanned_file.uid])).content.decode()

    assert sheet_of(match).page_url not in page
    assert match.recording.title not in page
    assert "that you may not see" in page


def test_a_recording_is_edited_after_its_statements_were_seen(
    match: Match, signed_in: MakeClient
) -> None:
    client, recording = signed_in(Role.MANAGER), match.recording
    address = reverse("admin:catalogue_recording_change", args=[recording.pk])
    page = client.get(address)
    form = page.context["adminform"].form
    sent = {
        name: "\n".join(value) if isinstance(value, list) else str(value or "")
        for name, value in form.initial.items()
    } | {"title": "New title", "as_shown": page.context["as_shown"]}

    answer = client.post(address, sent)
    recording.refresh_from_db()
    assert recording.title != "New title"
    text = " ".join(answer.content.decode().split())
    assert "These statements would say something else than the portal" in text
    assert "Evidence pack " in text

    seen = answer.context["adminform"].form.stated_seen
    done = client.post(address, sent | {"stated_seen": seen})

    recording.refresh_from_db()
    assert (done.status_code, recording.title) == (302, "New title")


def test_a_claim_is_cleared_by_a_licence_after_its_statements_were_seen(
    match: Match, signed_in: MakeClient
) -> None:
    client = signed_in(Role.MANAGER)
    licence = make_licence(recordings=[match.recording], in_force=False)
    address = reverse("portal:licence_preview", args=[licence.uid])
    sent = {"reach": "chosen", "match": match.uid}

    page = client.post(address, sent)
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    assert sheet_of(match).page_url in page.content.decode()

    client.post(address, sent | {"agreed": page.context["consequences"].mark})
    match.refresh_from_db()
    assert match.state == MatchState.CLEARED


def test_the_check_of_a_table_counts_what_stands_on_recordings(
    match: Match, signed_in: MakeClient
) -> None:
    Recording.objects.filter(pk=match.recording_id).update(custom_id="OWN-1")
    row = b"custom_id,title,artists,writers\nOWN-1,New title,Anna,Ana Muster\n"
    import_ = imports.keep_upload(
        RECORDINGS,
        bucket=match.recording.bucket,
        table=SimpleUploadedFile("new.csv", row),
        archive=None,
        encoding="utf-8",
        keep_unknown=False,
        user=make_user(Role.MANAGER),
    )
    work_off()

    import_.refresh_from_db()
    page = signed_in(Role.MANAGER).get(
        reverse(f"portal:{RECORDINGS.name}_detail", args=[import_.uid])
    )

    assert (import_.status, import_.message) == ("checked", "")
    assert import_.summary["stated"].keys() == {"evidence", "cue_sheet"}
    text = page.content.decode()
    assert "Statements stand on recordings that this changes" in text
    assert "Cue sheet: 1" in text

"""Declarations from request to file: gaps, totals, corrections, marks, pages."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections import Counter
from datetime import date

import pytest
from django.db.models import F
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from base.accounts.models import User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.accounts.services import create_user
from base.accounts.tokens import create_token
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Recording
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.services import broadcast_state
from plugins.monitoring.declarations import checking, selectors, services
from plugins.monitoring.declarations.content_files import facts_in
from plugins.monitoring.declarations.formats.registry import make_format
from plugins.monitoring.declarations.models import Declaration
from plugins.monitoring.declarations.services import DeclarationRefused
from plugins.monitoring.declarations.statement import statement_of
from plugins.monitoring.tests.declarations.making import COLUMNS as OWN_COLUMNS
from plugins.monitoring.tests.declarations.making import (
    NOVEMBER,
    a_broadcast,
    a_draft,
    a_file,
    a_match,
    a_profile,
    a_station,
    a_user,
    utc,
)
from reports import selectors as report_selectors
from reports.choices import FilesWithout, Mode, RunState
from reports.rows import match_columns
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from review.programmes.models import MusicUse
from review.services import exclusions
from statements import following
from statements.kinds import kind_of
from statements.models import Statement
from statements.selectors import marks_of_matches
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def month() -> tuple[Declaration, Match]:
    """Return a draft of a month with three plays of two matches, and one of these."""
    station, file = a_station(name="Harbour FM"), a_file(name="morning.wav")
    recording = RecordingFactory.create(title="=Blue", writers=["Anna Muster"])
    first = a_match(
        file, (10_000, 40_000, 0, 30_000), (100_000, 130_000, 0, 30_000), recording=recording
    )
    a_match(file, (300_000, 320_000, 0, 20_000), state=MatchState.CLEARED)
    a_match(file, (500_000, 520_000, 0, 20_000), state=MatchState.PENDING)
    a_broadcast(file, station, utc(2026, 11, 3, 6))
    return a_draft(a_profile(station)), first


def content(made: Declaration) -> bytes:
    return b"".join(made.file.chunks())


def stated(made: Declaration) -> Statement:
    statement = statement_of(made)
    assert statement is not None
    return statement


def differences(made: Declaration) -> list[str]:
    """Return what a correction would say otherwise."""
    (differences,) = following.differences_of([stated(made)]).values()
    return [difference.text for difference in differences]


def differs(made: Declaration) -> list[str]:
    """Compare all statements as the worker does; return the stored sentences of one."""
    following.note_all()
    while run_next(Pool.WORK):
        pass
    return [difference["text"] for difference in stated(made).differs_in]


def test_a_declaration_is_written_and_kept(month: tuple[Declaration, Match]) -> None:
    owner, draft = a_user("ana"), month[0]
    draft.run_by, draft.run_by_name = owner, "ana"
    made = services.declare_now(draft)
    assert made.state == RunState.READY
    assert (made.play_count, made.played_ms, made.undeclared_count) == (3, 80_000, 1)
    assert made.counts["states"] == {"cleared": 1, "confirmed": 2}
    assert hashlib.sha256(content(made)).hexdigest() == made.sha256
    rows = list(csv.DictReader(io.StringIO(content(made).decode("utf-8-sig"))))
    assert [row["cue_no"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["title"] == "'=Blue"
    assert rows[0]["broadcast_start"] == "2026-11-03T07:00:00+01:00"
    with made.undeclared.open("rb") as raw, gzip.open(raw, "rt") as lines:
        assert "undecided_match" in lines.read()
    assert all(check.is_whole for check in services.check_files(declaration=made))
    actions = Event.objects.filter(case=made.case).order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        "declaration.created",
        "declaration.written",
    ]
    # People with limits see their own.
    with working_for(owner):
        assert selectors.declarations().count() == 1

    # The same facts give the same bytes.
    again = io.BytesIO()
    facts = facts_in(made.facts)
    make_format(made.format, {}).write(facts, again)
    assert again.getvalue() == content(made)
    assert facts.message_id == made.message_id

    # Totals agree with the match report.
    declared: Counter[str] = Counter()
    for fact in stated(made).facts.exclude(match=""):
        declared[fact.match] += fact.cells["played_ms"]
    chosen = report_selectors.selection(
        filters=MatchFilter.from_query(QueryDict("state=confirmed&state=cleared")),
        files_without=FilesWithout.NONE,
    )
    names = [column.name for column in match_columns()]
    reported = {
        cells[names.index("match_id")]: int(str(cells[names.index("matched_ms")]))
        for cells, _ in report_selectors.rows(chosen=chosen, mode=Mode.MATCH)
    }
    assert dict(declared) == reported


def test_nothing_is_written_while_a_value_is_missing(month: tuple[Declaration, Match]) -> None:
    draft, match = month
    MusicUse.objects.filter(recording=match.recording).update(use="")
    checked = checking.check(draft)
    (gap,) = checked.gaps
    assert (gap.subject, gap.uid, gap.cell, gap.plays) == ("play", match.uid, "use", 2)
    with pytest.raises(DeclarationRefused, match="1 mandatory value"):
        services.declare_now(draft)
    draft.refresh_from_db()
    assert draft.state == RunState.FAILED
    assert (draft.gap_count, draft.file.name, draft.sha256) == (1, "", "")
    assert not Statement.objects.exists()
    # Once it is entered, the same declaration is written.
    MusicUse.objects.update(use="Background")
    services.try_again(declaration=draft, user=a_user())
    run_next(Pool.WORK)
    draft.refresh_from_db()
    assert (draft.state, draft.gap_count) == (RunState.READY, 0)


def test_days_are_declared_once_and_then_corrected(month: tuple[Declaration, Match]) -> None:
    draft, match = month
    made = services.declare_now(draft)
    second = a_draft(made.profile, (date(2026, 11, 30), date(2026, 12, 31)))
    with pytest.raises(DeclarationRefused, match="Correct it instead"):
        services.declare_now(second)
    Match.objects.filter(pk=match.pk).update(state=MatchState.RELEASED)
    match.refresh_from_db()
    services.download(declaration=made, user=a_user())
    assert len(differs(made)) == 2
    (mark,) = marks_of_matches([match])[match.uid]
    assert (mark.then, mark.now, len(mark.changes)) == ("confirmed", "released", 2)
    correction = services.declare_now(a_draft(made.profile, replaces=made))
    assert correction.play_count == 1
    assert correction.message_id != made.message_id
    assert facts_in(correction.facts).replaces == made.message_id
    again = a_draft(a_profile(*made.profile.stations.all()), replaces=made)
    with pytest.raises(DeclarationRefused, match="Correct it instead"):
        services.declare_now(again)
    assert Event.objects.filter(case=made.case, action="declaration.corrected").exists()
    # The society has the first one until somebody takes the correction to it.
    assert (stated(made).state, stated(correction).state) == ("sent", "draft")
    services.download(declaration=correction, user=a_user())
    assert (stated(made).state, stated(correction).state) == ("replaced", "sent")
    assert stated(correction).replaces == stated(made)
    assert not marks_of_matches([match])
    listings = {
        row.uid: row.is_corrected  # type: ignore[attr-defined]  # annotated
        for row in selectors.declarations()
    }
    assert listings == {made.uid: True, correction.uid: False}


def test_a_correction_is_offered_until_there_is_one_and_to_those_who_may(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    made = services.declare_now(draft)
    services.download(declaration=made, user=a_user())
    Match.objects.filter(pk=match.pk).update(state=MatchState.RELEASED)
    assert differs(made)
    address = kind_of(stated(made)).correct_url(stated(made))
    pages = [made.url, stated(made).page_url, reverse("portal:statement_list")]

    def offers(user: User) -> list[bool]:
        client.force_login(user)
        return [f'href="{address}"' in client.get(page).content.decode() for page in pages]

    manager = a_user()
    assert offers(manager) == [True, True, True]
    assert offers(make_user(Role.REVIEWER)) == [False, False, False]
    # Viewers read what it states, and are led to no page that they may not open.
    client.force_login(make_user(Role.VIEWER))
    for page in (stated(made).page_url, match.review_url):
        assert made.url not in client.get(page).content.decode()
    assert "Its files are on a page" in client.get(stated(made).page_url).content.decode()
    waiting = services.request_declaration(a_draft(made.profile, replaces=made))
    assert offers(manager) == [False, False, False]
    services.cancel_declaration(declaration=waiting, user=manager)
    assert offers(manager) == [True, True, True]
    client.force_login(manager)
    assert "It is corrected by" not in client.get(made.url).content.decode()
    services.declare_now(a_draft(made.profile, replaces=made))
    assert offers(manager) == [False, False, False]
    assert "It is corrected by" in client.get(made.url).content.decode()


def test_a_declaration_lists_what_was_confirmed_since(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    file, station = match.scanned_file, draft.profile.stations.get()
    made = services.declare_now(draft)
    assert not differences(made)
    # Decided later; after the declared days; and broadcast by a station that is not meant.
    later = timezone.now()
    Match.objects.filter(state=MatchState.PENDING).update(
        state=MatchState.CONFIRMED, decided_at=later
    )
    for station_of_it, starts_at in (
        (station, utc(2026, 12, 3, 6)),
        (a_station(name="Another"), utc(2026, 11, 4, 6)),
    ):
        other_file = a_file()
        Match.objects.filter(pk=a_match(other_file, (0, 9_000, 0, 9_000)).pk).update(
            decided_at=later
        )
        a_broadcast(other_file, station_of_it, starts_at)
    # Its match was confirmed before, but nobody had entered the broadcast.
    late = a_match(a_file(name="late.wav"), (0, 9_000, 0, 9_000))
    a_broadcast(late.scanned_file, station, utc(2026, 11, 5, 6))
    ends = "it is not declared yet, but belongs to these days"
    waited = Match.objects.get(scanned_file=file, decided_at=later).recording
    assert differences(made) == [
        f"{late.recording}, Harbour FM, 2026-11-05 07:00:00: {ends}",
        f"{waited}, Harbour FM, 2026-11-03 07:08:20: {ends}",
    ]
    # A decision finds the declaration of its station and day without any fact about it.
    case = {"file": {str(late.scanned_file.uid)}}
    assert list(kind_of(stated(made)).concerned(case)) == [made.uid]
    client.force_login(a_user())
    page = client.get(made.url).content.decode()
    assert "Confirmed since" in page
    assert "3 Nov 2026 07:08" in page
    correction = services.declare_now(a_draft(made.profile, replaces=made))
    assert correction.play_count == made.play_count + 2
    assert not differences(correction)


def test_a_declared_broadcast_moves_only_after_a_question(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    made = services.declare_now(draft)
    services.download(declaration=made, user=a_user())
    row = match.scanned_file.broadcasts.get()
    client.force_login(a_user())
    page = reverse("portal:broadcast", args=[row.scanned_file.uid, row.uid])
    moved = {
        "station": row.station.uid,
        "starts_at": "2026-11-04T08:00",
        "seen": broadcast_state(row),
    }

    answer = client.post(page, moved)
    assert made.name in answer.content.decode()
    assert match.scanned_file.broadcasts.get().starts_at == row.starts_at
    agreed = {"agreed": answer.context["consequences"].mark}
    assert client.post(page, moved | agreed).status_code == 302

    while run_next(Pool.WORK):
        pass
    (mark,) = marks_of_matches([match])[match.uid]
    assert mark.changes == (
        f"{match.recording}, Harbour FM, 2026-11-03 07:00:10: declared for "
        "Harbour FM, 2026-11-03 07:00:10, now Harbour FM, 2026-11-04 08:00:10",
        f"{match.recording}, Harbour FM, 2026-11-03 07:01:40: declared for "
        "Harbour FM, 2026-11-03 07:01:40, now Harbour FM, 2026-11-04 08:01:40",
    )
    assert stated(made).differs_count == 3
    for page in (made.url, match.review_url):
        assert "now Harbour FM, 2026-11-04" in client.get(page).content.decode()


def test_plays_of_a_deleted_broadcast_vanish_and_another_one_is_new(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    made = services.declare_now(draft)
    services.download(declaration=made, user=a_user())
    row = match.scanned_file.broadcasts.get()
    client.force_login(a_user())
    page = reverse("portal:broadcast_delete", args=[row.scanned_file.uid, row.uid])

    assert "states 3 plays" in client.get(page).content.decode()
    answer = client.post(page, {"seen": broadcast_state(row)})
    assert Broadcast.objects.filter(pk=row.pk).exists()
    agreed = {"agreed": answer.context["consequences"].mark}
    client.post(page, {"seen": broadcast_state(row)} | agreed)
    assert not Broadcast.objects.filter(pk=row.pk).exists()
    a_broadcast(match.scanned_file, row.station, utc(2026, 11, 5, 6))

    texts = [text.rpartition(": ")[2] for text in differences(made)]
    assert (
        texts
        == ["its broadcast was deleted"] * 3
        + ["it is not declared yet, but belongs to these days"] * 2
    )


def test_a_correction_lists_plays_that_became_shorter(month: tuple[Declaration, Match]) -> None:
    draft, match = month
    made = services.declare_now(draft)
    exclusions.exclude(
        recording=match.recording, interval=(0, 10_000), reason="shared_loop", user=a_user()
    )
    Broadcast.objects.update(length_ms=110_000)

    about = f"{match.recording}, Harbour FM, 2026-11-03"
    shorter = f"{about} 07:00:10: declared with 00:00:30, now 00:00:20"
    assert shorter in differences(made)
    assert f"{about} 07:01:40: no second of it counts any more" in differences(made)


def test_a_declaration_names_what_changed_of_its_recordings_since(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    made = services.declare_now(draft)
    assert not differences(made)
    Recording.objects.filter(pk=match.recording_id).update(
        writers=["Anna Muster", "B. Muster"], title="Blue"
    )
    client.force_login(a_user())

    page = client.get(made.url).content.decode()

    assert "Writers: declared as Anna Muster, now Anna Muster, B. Muster" in page
    assert "Title: declared as =Blue, now Blue" in page


def test_the_check_of_a_correction_says_how_it_differs_from_what_it_corrects(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    made = services.declare_now(draft)
    client.force_login(a_user())

    def check_correction() -> str:
        return client.get(f"/reports/declarations/check/?replaces={made.uid}").content.decode()

    same = "No play or recording has changed since the declaration that it corrects."
    assert same in " ".join(check_correction().split())
    Match.objects.filter(pk=match.pk).update(state=MatchState.RELEASED)
    Recording.objects.exclude(pk=match.recording_id).update(title="Renamed")
    Match.objects.filter(state=MatchState.PENDING).update(
        state=MatchState.CONFIRMED, decided_at=timezone.now()
    )

    page = check_correction()

    assert "it was decided otherwise, so a correction leaves it out" in page
    assert "now Renamed" in page
    assert "The declaration does not contain these matches." in page
    assert same not in " ".join(page.split())


def test_a_rescan_changes_a_declaration_only_where_it_found_something_else(
    client: Client, month: tuple[Declaration, Match]
) -> None:
    draft, match = month
    made = services.declare_now(draft)

    def rescan(*spans: tuple[int, int, int, int]) -> list[str]:
        scan = ScanFactory.create(scanned_file=match.scanned_file)
        make_match(*spans, scan=scan, recording=match.recording, state=MatchState.CONFIRMED)
        return [text.rpartition(": ")[2] for text in differences(made)]

    first, second = (10_000, 40_000, 0, 30_000), (100_000, 130_000, 0, 30_000)
    assert rescan(first, second) == []
    assert rescan(first, (100_000, 120_400, 0, 20_400)) == ["declared with 00:00:30, now 00:00:20"]
    text = "a later scan found more plays of it"
    assert rescan(first, second, (200_000, 230_000, 0, 30_000)) == [text, text]
    client.force_login(a_user())
    assert text in client.get(made.url).content.decode()
    other_recording = RecordingFactory.create()
    assert rescan(first, second) == []
    Match.objects.filter(pk=match.pk).update(recording=other_recording, version=F("version") + 1)
    declared = f"Recording: declared as {match.recording}, now {other_recording}"
    assert declared in "\n".join(differences(made))


def test_a_waiting_declaration_is_cancelled(month: tuple[Declaration, Match]) -> None:
    made = services.request_declaration(month[0])
    services.cancel_declaration(declaration=made, user=a_user())
    run_next(Pool.WORK)
    made.refresh_from_db()
    assert made.state == RunState.CANCELLED
    assert not made.file


def test_pages_lead_from_check_to_file(client: Client, month: tuple[Declaration, Match]) -> None:
    draft, match = month
    client.force_login(a_user())
    period = {
        "profile": draft.profile.uid,
        "begins": NOVEMBER[0].isoformat(),
        "ends": NOVEMBER[1].isoformat(),
    }
    MusicUse.objects.filter(recording=match.recording).update(use="")
    page = client.get("/reports/declarations/check/", period).content.decode()
    assert f'href="/m/{match.uid}"' in page
    assert ">Declare<" not in page
    MusicUse.objects.update(use="Background")
    assert client.get("/reports/declarations/").status_code == 200
    page = client.get("/reports/declarations/check/", period).content.decode()
    assert "No mandatory value is missing." in page
    answer = client.post("/reports/declarations/check/", period)
    assert answer.status_code == 302
    run_next(Pool.WORK)
    made = Declaration.objects.get()
    Match.objects.filter(pk=match.pk).update(state=MatchState.PENDING)
    page = client.get(made.url).content.decode()
    assert "its match waits for a decision again, so a correction leaves it out" in page
    Match.objects.filter(pk=match.pk).update(state=MatchState.RELEASED)
    page = client.get(made.url).content.decode()
    assert made.sha256 in page
    assert "it was decided otherwise, so a correction leaves it out" in page
    assert "Not yet: nobody has downloaded the file." in page
    file = client.get(f"{made.url}file")
    assert b"".join(file.streaming_content) == content(made)  # type: ignore[attr-defined]  # a stream
    manifest = json.loads(client.get(f"{made.url}manifest.json").content)
    assert manifest["totals"]["plays"] == 3
    assert client.get(f"{made.url}undeclared.csv").status_code == 200
    assert client.post(f"{made.url}files-check/").status_code == 200
    assert made.name in client.get(f"/m/{match.uid}").content.decode()
    assert "stated as Confirmed" in client.get("/matches/").content.decode()
    assert "Not yet" not in client.get(made.url).content.decode()
    assert Event.objects.filter(action="declaration.downloaded").exists()
    # One correction is enough: from then on that one is corrected.
    correct = f"check/?replaces={made.uid}"
    assert correct in client.get(made.url).content.decode()
    services.declare_now(a_draft(made.profile, replaces=made))
    assert correct not in client.get(made.url).content.decode()
    # Reviewers check, managers declare.
    client.force_login(make_user(Role.REVIEWER))
    assert client.get(made.url).status_code == 200
    assert client.get(f"{made.url}file").status_code == 403
    assert client.post("/reports/declarations/check/", {}).status_code == 403


def test_a_profile_of_own_columns(client: Client) -> None:
    client.force_login(a_user())
    station = a_station()
    fields = {
        "name": "Own",
        "format": "template",
        "stations": [station.uid],
        "sender_dpid": "PADPIDA2099010101Y",
        "columns": f"{OWN_COLUMNS}\nX = nothing_known",
        "separator": "semicolon",
    }
    page = client.post("/reports/declarations/profiles/add/", fields)
    assert page.status_code == 422
    assert "should be X" in page.content.decode()
    fields["sender_dpid"] = "PADPIDA2099010101X"
    page = client.post("/reports/declarations/profiles/add/", fields)
    assert "nothing_known" in page.content.decode()
    fields["columns"] = OWN_COLUMNS
    assert client.post("/reports/declarations/profiles/add/", fields).status_code == 302


def test_the_api_declares(client: Client, month: tuple[Declaration, Match]) -> None:
    client.force_login(a_user())
    body = {"profile": month[0].profile.uid, "begins": "2026-11-01", "ends": "2026-11-30"}
    api = "/api/portal/v1/declarations/"
    checked = client.post(f"{api}check/", body, content_type="application/json").json()
    assert (checked["plays"], checked["gaps"]) == (3, [])
    made = client.post(api, body, content_type="application/json")
    assert made.status_code == 202
    run_next(Pool.WORK)
    uid = made.json()["uid"]
    assert client.get(f"{api}{uid}/").json()["play_count"] == 3
    assert client.get(f"{api}{uid}/manifest/").json()["totals"]["plays"] == 3
    assert client.get(f"{api}{uid}/file/").status_code == 200
    refused = client.post(api, body, content_type="application/json")
    assert refused.status_code == 422
    assert len(client.get(api).json()["items"]) == 1


def test_a_program_fetches_the_file_but_declares_nothing(month: tuple[Declaration, Match]) -> None:
    body = {"profile": month[0].profile.uid, "begins": "2026-11-01", "ends": "2026-11-30"}
    made = services.request_declaration(
        services.draft(
            profile=month[0].profile,
            begins=date(2026, 11, 1),
            ends=date(2026, 11, 30),
            user=a_user(),
        )
    )
    run_next(Pool.WORK)
    service = create_user(username="erp", password=None, role=Role.MANAGER)
    assert service.is_service
    token = create_token(owner=service, name="erp", scopes=["report"])
    program = Client(headers={"Authorization": f"Bearer {token.secret}"})
    api = "/api/portal/v1/declarations/"

    file = program.get(f"{api}{made.uid}/file/")

    made.refresh_from_db()
    assert file.status_code == 200
    assert b"".join(file.streaming_content) == content(made)  # type: ignore[attr-defined]  # a stream
    assert Event.objects.filter(action="declaration.downloaded").exists()
    assert stated(made).state == "sent"
    refused = program.post(api, body, content_type="application/json")
    assert refused.status_code == 403
    assert program.post(f"{api}{made.uid}/cancel/").status_code == 403

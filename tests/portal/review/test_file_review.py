"""The walk through a file: its rows, entries about unknown sound, the sheet at its end."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Recording
from reports.models import CueEntry, EntryKind, SheetApproval, SheetState
from review.models import Match
from scanning.models import ScannedFile
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of
from tests.portal.review.reviewing import JSON, decide

pytestmark = pytest.mark.django_db

SOUND = {"start": "3:20", "end": "4:00"}


def address(file: ScannedFile, name: str = "") -> str:
    return reverse(f"portal:file_review{name}", args=[file.uid])


def test_rows_are_in_order_and_a_decision_is_for_all_plays(
    client: Client, file: ScannedFile
) -> None:
    page = client.get(address(file))
    content = page.content.decode()
    rows = page.context["rows"]

    assert [row.start_ms // 1000 for row in rows] == [0, 100, 200, 300]
    assert page.context["open"] == 3
    assert [row.plays for row in rows if row.row] == [(1, 2), (1, 1), (2, 2)]
    assert "play 2 of 2" in content

    match = Match.objects.get(recording__title="=Opening")
    decide(client, match, verb="confirm")

    rows = client.get(address(file)).context["rows"]
    assert [row.is_done for row in rows] == [True, False, False, True]

    # A rejected match keeps its row, and its sound can be named.
    match = Match.objects.get(recording__title="Under the talk")
    decide(client, match, verb="reject", code="wrong_recording")

    page = client.get(address(file))
    rows = [row for row in page.context["rows"] if row.start_ms == 100_000]
    assert [(row.name, row.is_sound, row.is_done) for row in rows] == [
        (match.uid, False, True),
        ("100000-130000-sound", True, True),
    ]
    assert (page.context["open"], page.context["total"]) == (1, 4)
    assert client.get(rows[1].preview_url).status_code == 200


def test_queries_do_not_grow_with_the_matches(client: Client) -> None:
    file = make_match().scanned_file
    many = make_match().scanned_file
    for _ in range(4):
        make_match(scan=many.scans.get())
    client.get(address(file))
    matches = {file: file.matches.earliest("pk") for file in (file, many)}

    pages = [queries_of(client, address(file)) for file in (file, many)]
    changes = [
        queries_of(client, f"{address(file, '_changes')}?rows={match.uid}:0")
        for file, match in matches.items()
    ]

    assert pages[0] == pages[1]
    assert changes[0] == changes[1]


def test_what_is_heard_is_entered_once_and_taken_back(client: Client, file: ScannedFile) -> None:
    rows = client.get(address(file)).context["rows"]
    name = " ".join(f"{row.name}:{row.token}" for row in rows)
    assert not client.get(address(file, "_changes"), {"rows": name}).json()["rows"]
    fields = {"verb": "music", "title": "Hymn", "writers": "A | B", **SOUND}

    for _ in range(2):
        answer = client.post(address(file, "_entry"), fields, headers=JSON).json()

    entry = CueEntry.objects.get()
    assert (entry.title, entry.writers) == ("Hymn", ["A", "B"])
    assert "Hymn" in client.get(address(file)).content.decode()
    assert 'value="undo"' in answer["last"]
    assert answer["moves"] is False

    # Changes name the rows that look different.
    answer = client.get(address(file, "_changes"), {"rows": name}).json()
    assert list(answer["rows"]) == ["200000-240000-sound"]
    assert "data-done" in answer["rows"]["200000-240000-sound"]
    assert answer["gone"] == []
    assert answer["counts"]["open"] == "2"

    undo = {"verb": "undo", **SOUND}
    for _ in range(2):
        answer = client.post(address(file, "_entry"), undo, headers=JSON)
        assert answer.status_code == 200
    assert not CueEntry.objects.exists()

    # A row without music stays in the walk, but not in the sheet.
    client.post(address(file, "_entry"), {"verb": "no_music", **SOUND})
    (row,) = [row for row in client.get(address(file)).context["rows"] if row.entry]
    assert row.entry.kind == EntryKind.NO_MUSIC
    sheet = client.get(reverse("portal:cue_sheet", args=[file.uid]))
    assert not any(cue.match is None for cue in sheet.context["sheet"].cues)


def test_an_impossible_entry_says_what_is_wrong(client: Client, file: ScannedFile) -> None:
    cases = [
        ({"verb": "music", **SOUND}, "Enter the title"),
        ({"verb": "music", "title": "A", "start": "9:59", "end": "10:30"}, "within"),
        ({"verb": "music", "title": "A", "start": "x", "end": "4:00"}, "1:02.500"),
        ({"verb": "louder", **SOUND}, "louder"),
    ]
    for fields, case in cases:
        answer = client.post(address(file, "_entry"), fields, headers=JSON)

        assert answer.status_code == 409
        assert case in answer.json()["message"]

    fields, case = cases[0]
    page = client.post(address(file, "_entry"), fields, follow=True)
    assert case in page.content.decode()
    # A file that is not scanned leads to its page.
    ScannedFile.objects.update(status="waiting")
    page = client.get(address(file), follow=True)
    assert page.redirect_chain[0][0] == reverse("portal:file_detail", args=[file.uid])


def test_a_viewer_walks_but_enters_nothing(signed_in: MakeClient, file: ScannedFile) -> None:
    viewer = signed_in(Role.VIEWER)
    rows = viewer.get(address(file)).context["rows"]

    pane = viewer.get(next(row.preview_url for row in rows if row.is_sound))

    assert "data-decide" not in pane.content.decode()
    refused = viewer.post(address(file, "_entry"), {"verb": "unknown", **SOUND})
    assert refused.status_code == 403
    step = reverse("portal:cue_sheet_step", args=[file.uid])
    assert viewer.post(step, {"step": "submit", "version": 1}).status_code == 403


def test_the_sheet_is_submitted_and_approved_on_its_page(
    client: Client, signed_in: MakeClient, file: ScannedFile
) -> None:
    sheet = reverse("portal:cue_sheet", args=[file.uid])
    step = reverse("portal:cue_sheet_step", args=[file.uid])

    def signed(person: Client, name: str) -> dict[str, object]:
        """Return what the form of a step sends."""
        return {"step": name, "version": 1, "read": person.get(sheet).context["read"]}

    early = client.post(step, {"step": "submit", "version": 1}, follow=True)
    assert "2 matches of this file wait" in early.content.decode()
    for match in Match.objects.all():
        decide(client, match, verb="confirm")

    client.post(step, signed(client, "submit"))
    own = client.get(sheet)
    assert "take_back" in own.context["steps"]
    manager = signed_in(Role.MANAGER)
    assert manager.get(sheet).context["steps"] == ["return", "approve"]
    seen = signed(manager, "approve")
    client.post(step, {"step": "take_back", "version": 1})
    Recording.objects.filter(matches__scanned_file=file).update(title="Corrected")
    client.post(step, signed(client, "submit"))
    stale = manager.post(step, seen, follow=True)
    assert "The sheet has changed since you opened it" in stale.content.decode()
    assert SheetApproval.objects.get().state == SheetState.SUBMITTED
    page = manager.post(step, signed(manager, "approve"), follow=True)

    assert SheetApproval.objects.get().state == SheetState.APPROVED
    assert "approved by" in page.content.decode()
    wrong = manager.post(step, {"step": "sign", "version": 1}, follow=True)
    assert "Choose what to do" in wrong.content.decode()

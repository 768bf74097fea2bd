"""The editor of a cue sheet: order, merge, split, cues by hand, the use of several."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from reports.cue_arrangement import arranged
from reports.cue_questions import Question
from reports.cue_sheets import cue_sheet
from reports.cues import Cue, CueStatus
from reports.models import CueEntry, SheetApproval, SheetEdit
from review.models import Match
from review.programmes.models import MusicUse
from review.services.folding import fold_scan
from scanning.models import ScannedFile
from tests.factories.scanning import ScanFactory, make_detection
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

# The cues of the file: a recording at 0:00 and at 5:00, another one, unknown sound.
OPENING, TALK, SOUND, END = 0, 1, 2, 3


def sheet_page(client: Client, file: ScannedFile) -> str:
    return client.get(reverse("portal:cue_sheet", args=[file.uid])).content.decode()


def change(client: Client, file: ScannedFile, verb: str, *cues: int, **values: str) -> str:
    """Tick cues and press a verb; return the page that follows."""
    names = [cue.name for cue in cue_sheet(file=file).cues]
    return client.post(
        reverse("portal:cue_sheet_edit", args=[file.uid]),
        {"verb": verb, "cue": [names[cue] for cue in cues], **values},
        follow=True,
    ).content.decode()


def lines(client: Client, file: ScannedFile) -> list[dict[str, str]]:
    table = client.get(reverse("portal:cue_sheet_csv", args=[file.uid]))
    return list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))


def starts(client: Client, file: ScannedFile) -> list[str]:
    return [line["time_in"][3:8] for line in lines(client, file)]


def rescan(file: ScannedFile) -> None:
    """Scan again: the same recordings, two of them a second later, and no sound."""
    recordings = {match.recording.title: match.recording for match in file.matches.all()}
    scan = ScanFactory.create(scanned_file=file, unmatched=[])
    make_detection(
        *((0, 20_000, 0, 20_000), (301_000, 310_000, 1_000, 10_000)),
        scan=scan,
        recording=recordings["=Opening"],
    )
    make_detection(
        (101_000, 130_000, 1_000, 30_000), scan=scan, recording=recordings["Under the talk"]
    )
    fold_scan(scan=scan)


def test_cues_change_places_and_keep_them_after_a_rescan(client: Client, file: ScannedFile) -> None:
    page = change(client, file, "later", OPENING)

    assert "moved after" in page
    assert " checked" in page
    assert starts(client, file) == ["01:40", "00:00", "03:20", "05:00"]
    assert [line["cue_no"] for line in lines(client, file)] == ["1", "2", "3", "4"]
    for at in (END, 2, 1):
        change(client, file, "earlier", at)
    assert starts(client, file) == ["05:00", "01:40", "00:00", "03:20"]
    assert "cannot move further" in change(client, file, "earlier", 0)

    rescan(file)

    assert starts(client, file)[:3] == ["05:01", "01:41", "00:00"]


def test_a_cue_within_another_one_is_moved_itself() -> None:
    # Exclusions of two recordings, which one file plays at once.
    long, short, other_cue = (
        Cue(0, [interval], None, None, CueStatus.EXCLUDED)
        for interval in ((0, 30_000), (0, 10_000), (40_000, 50_000))
    )
    move = SheetEdit(kind="move", subject=short.subject, start_ms=0, end_ms=10_000)
    move.other_subject = other_cue.subject
    move.other_start_ms, move.other_end_ms = other_cue.start_ms, other_cue.end_ms

    arranged_cues, idle = arranged([long, short, other_cue], [move])

    assert (arranged_cues, idle) == ([long, other_cue, short], [])


def test_a_merged_cue_asks_what_both_asked() -> None:
    asked = [Question(CueEntry(), Match()) for _ in range(2)]
    first, second = (
        Cue(0, [(at, at + 10_000)], None, None, CueStatus.UNKNOWN, questions=[question])
        for at, question in zip((0, 20_000), asked, strict=True)
    )
    merge = SheetEdit(kind="merge", subject=first.subject, start_ms=0, end_ms=10_000)
    merge.other_subject = second.subject
    merge.other_start_ms, merge.other_end_ms = second.start_ms, second.end_ms

    (merged,), _ = arranged([first, second], [merge])

    assert merged.questions == asked


def test_neighbours_become_one_cue_and_two_again(client: Client, file: ScannedFile) -> None:
    page = change(client, file, "merge", TALK, SOUND)

    assert "merged with" in page
    merged = lines(client, file)[TALK]
    assert (merged["title"], merged["time_out"], merged["duration"]) == (
        *("Under the talk", "00:04:00.000", "00:01:10.000"),
    )
    assert "not the same music" in change(client, file, "merge", OPENING, TALK)
    assert "follow each other" in change(client, file, "merge", OPENING, 2)

    edit = SheetEdit.objects.get()
    client.post(reverse("portal:cue_sheet_back", args=[file.uid, edit.uid]))

    assert starts(client, file) == ["00:00", "01:40", "03:20", "05:00"]
    of_file = Event.objects.filter(case=f"file:{file.uid}")
    assert of_file.filter(action__contains="arrange").count() == 2


def test_a_cue_is_split_where_music_sounds(client: Client, file: ScannedFile) -> None:
    assert "second cue begins at" in change(client, file, "split", TALK)
    outside = change(client, file, "split", TALK, at="9:00", apply="yes")
    assert "within the cue" in outside
    assert 'value="9:00"' in outside

    change(client, file, "split", TALK, at="1:50", apply="yes")

    assert starts(client, file)[1:3] == ["01:40", "01:50"]
    Match.objects.filter(recording__title="Under the talk").update(
        state="rejected", decision_reason="noise"
    )
    assert "It changes nothing now" in sheet_page(client, file)


def test_the_form_of_cues_has_what_its_keys_need(client: Client, file: ScannedFile) -> None:
    for verb in ("split", "use"):
        form = change(client, file, verb, TALK)
        assert ("data-focus-form" in form, form.count(" data-back ")) == (True, 1)


def test_a_cue_is_added_by_hand_changed_and_removed(client: Client, file: ScannedFile) -> None:
    address = reverse("portal:cue_sheet_entry", args=[file.uid])
    fields = {"verb": "music", "title": "Sting", "start": "4:10", "end": "4:20"}
    assert client.get(address).status_code == 200
    bad = client.post(address, fields | {"end": "4:00"})
    assert "start comes before its end" in bad.content.decode()

    client.post(address, fields)
    own = f"{address}?entry={CueEntry.objects.get().uid}"
    assert "4:10" in client.get(own).content.decode()
    client.post(own, fields | {"end": "4:30", "use": "Bumper"})

    (line,) = [line for line in lines(client, file) if line["title"] == "Sting"]
    assert (line["time_out"], line["use"]) == ("00:04:30.000", "Bumper")
    assert "Only cues that somebody entered" in change(client, file, "remove", TALK)
    change(client, file, "remove", END)
    assert not CueEntry.objects.exists()


def test_the_use_of_several_cues_is_set_at_once(client: Client, file: ScannedFile) -> None:
    client.post(
        reverse("portal:cue_sheet_entry", args=[file.uid]),
        {"verb": "music", "title": "Sting", "start": "3:20", "end": "4:00"},
    )
    assert "Origin" in change(client, file, "use", OPENING, SOUND)

    values = {"use": "Theme", "origin": "LibraryMusic", "apply": "yes"}
    page = change(client, file, "use", OPENING, SOUND, **values)

    assert "The use of 2 cues is set." in page
    uses = [(line["use"], line["origin"]) for line in lines(client, file)]
    theme = ("Theme", "LibraryMusic")
    assert uses == [theme, ("", ""), theme, theme]
    book = client.get(reverse("portal:cue_sheet_xlsx", args=[file.uid]))
    assert book.content.startswith(b"PK")


def test_what_is_not_ticked_not_known_or_approved_is_refused(
    client: Client, signed_in: MakeClient, file: ScannedFile
) -> None:
    address = reverse("portal:cue_sheet_edit", args=[file.uid])
    for cues in ([], ["x"], ["unknown|1|x"]):
        sent = client.post(address, {"verb": "merge", "cue": cues}, follow=True)
        assert "Tick the cues" in sent.content.decode()
    old = client.post(address, {"verb": "later", "cue": "unknown|1|2"}, follow=True)
    assert "The sheet has changed" in old.content.decode()
    assert "Tick one cue" in change(client, file, "later", OPENING, TALK)
    viewer = signed_in(Role.VIEWER)
    assert viewer.post(address, {"verb": "later"}).status_code == 403

    SheetApproval.objects.create(scanned_file=file, state="approved")
    assert "data-bulk-key" not in sheet_page(client, file)
    values = {"use": "Theme", "apply": "yes"}
    for verb in ("later", "use"):
        page = change(client, file, verb, OPENING, **values)
        assert "The cue sheet is approved." in page
    assert not SheetEdit.objects.exists()
    assert not MusicUse.objects.exists()

"""A range of a file: a cue, a note, a recording with the sound of the range."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import IntakeRule, Recording
from reports.models import CueEntry, EntryKind
from scanning.models import ScannedFile
from tests import audio
from tests.factories.catalogue import BucketFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

RANGE = "?start=0:10&end=20.5"
FIELDS = {"start": "0:10.000", "end": "0:20.500"}


def address(file: ScannedFile, name: str = "file_range", query: str = RANGE) -> str:
    return reverse(f"portal:{name}", args=[file.uid]) + query


def test_a_range_is_named_by_a_recording_and_shown_on_the_file(
    client: Client, file: ScannedFile
) -> None:
    recording = Recording.objects.get(title="=Opening")
    recording.writers, recording.isrc_normalised = ["A. Writer"], "GBAYE6800011"
    recording.save()

    answer = client.post(
        address(file), {"verb": "music", "recording": recording.uid, "note": "under talk", **FIELDS}
    )

    assert answer.status_code == 302, answer.context["form"].errors
    entry = CueEntry.objects.get()
    assert (entry.start_ms, entry.end_ms, entry.title) == (10_000, 20_500, "=Opening")
    assert (entry.writers, entry.isrc) == (["A. Writer"], "GBAYE6800011")
    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert "under talk" in page
    again = client.get(address(file))
    assert again.context["form"]["title"].value() == "=Opening"


def test_a_note_changes_no_cue_and_keeps_what_was_entered(
    client: Client, file: ScannedFile
) -> None:
    sheet = reverse("portal:cue_sheet", args=[file.uid])
    before = [cue.name for cue in client.get(sheet).context["sheet"].cues]
    note = {"verb": "note", "note": "Ask the label", **FIELDS}

    client.post(address(file), note)

    assert [cue.name for cue in client.get(sheet).context["sheet"].cues] == before
    walk = client.get(reverse("portal:file_review", args=[file.uid]))
    rows = [row for row in walk.context["rows"] if row.note]
    assert [(row.start_ms, row.is_done) for row in rows] == [(10_000, True)]
    assert client.get(rows[0].preview_url).status_code == 200

    client.post(address(file), {"verb": "music", "title": "Hymn", **FIELDS})
    client.post(address(file), {**note, "note": "It is a hymn"})
    entry = CueEntry.objects.get()
    assert (entry.kind, entry.title, entry.note) == (EntryKind.MUSIC, "Hymn", "It is a hymn")


def test_a_note_on_unknown_sound_stays_with_it_when_it_is_named(
    client: Client, file: ScannedFile
) -> None:
    sound = {"start": "3:20", "end": "4:00"}
    client.post(address(file), {"verb": "note", "note": "a choir", **sound})

    walk = reverse("portal:file_review", args=[file.uid])
    (row,) = [row for row in client.get(walk).context["rows"] if row.note]
    assert not row.is_done

    entry = reverse("portal:file_review_entry", args=[file.uid])
    client.post(entry, {"verb": "unknown", **sound})
    (row,) = [row for row in client.get(walk).context["rows"] if row.note]
    assert (row.is_done, row.note) == (True, "a choir")


def test_an_impossible_range_leads_back_to_the_file(client: Client, file: ScannedFile) -> None:
    of_file = reverse("portal:file_detail", args=[file.uid])
    for query in ("", "?start=x&end=2", "?start=5&end=5", "?start=0&end=9999"):
        page = client.get(address(file, query=query), follow=True)

        assert page.redirect_chain[-1][0] == of_file, query
        assert "within the file" in page.content.decode()


def test_the_sound_of_a_range_becomes_a_recording(signed_in: MakeClient, file: ScannedFile) -> None:
    client = signed_in(Role.MANAGER)
    bucket = BucketFactory.create(intake_rule=IntakeRule.ASK)
    target = address(file, "file_range_recording")
    fields = {"title": "Hymn", "bucket": bucket.pk, **FIELDS}
    for end, message in (("0:11", "at least"), ("0:20", "not stored here")):
        refused = client.post(target, {**fields, "start": "10", "end": end})
        assert message in refused.content.decode()
        assert not Recording.objects.filter(title="Hymn").exists()
    file.media.save("a.wav", ContentFile(audio.wav_bytes(audio.tune(4, 30))))

    made = client.post(target, fields)

    recording = Recording.objects.get(title="Hymn")
    assert made["Location"] == reverse("portal:recording_detail", args=[recording.uid])
    with recording.audio.open() as stored:
        assert stored.read(4) == b"fLaC"
    # Who sees the bucket may not know the file.
    assert recording.audio_name == "Hymn.flac"
    event = Event.objects.get(action="recording.cut_from_file")
    assert event.after == {"file": str(file.uid), "start_ms": 10_000, "end_ms": 20_500}
    # The bucket has this sound now, so it asks.
    again = client.post(target, fields)
    assert again.status_code == 200
    assert "if_there" in again.context["form"].fields
    assert Recording.objects.filter(title="Hymn").count() == 1


def test_each_action_asks_for_its_permission(signed_in: MakeClient, file: ScannedFile) -> None:
    listener, reviewer = signed_in(Role.VIEWER), signed_in(Role.REVIEWER)

    assert listener.get(address(file)).status_code == 403
    assert reviewer.get(address(file)).status_code == 200
    assert reviewer.get(address(file, "file_range_recording")).status_code == 403
    page = listener.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert "data-range-play" in page or "data-range" in page
    assert "data-range-name" not in page

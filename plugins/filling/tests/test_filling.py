"""From a file to accepted values and back, by command, service and page."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.uid import new_uid
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.changes import update_recording
from catalogue.models import Recording
from plugins.filling import deciding, on_pages, sources, suggesting
from plugins.filling.choices import FillField, HoldReason, SuggestionState
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.indexes import index_path
from plugins.filling.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from plugins.filling.tests.dumps import Song, dump_of, invented_songs, iswc, uuid_of
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory

pytestmark = pytest.mark.django_db
CODE = "QZXX10000007"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.ACRPORTAL_DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def page(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


def ours(song: Song, **options: Any) -> Recording:
    values = {
        "title": song.title,
        "artists": [song.artist],
        "album": song.album,
        "duration_ms": song.length_ms + 900,
    }
    return RecordingFactory.create(**(values | options))


def suggest(recording: Recording, **options: Any) -> Suggestion:
    """Return an open suggestion, as a search makes them."""
    values = {
        "field": "isrc",
        "value": CODE,
        "ground": new_uid("g"),
        "confidence": Decimal("0.9990"),
        "evidence": [
            {
                "source": "es_1",
                "name": "MusicBrainz",
                "kind": "musicbrainz",
                "id": "0e4b7a1c-0f62-4b4d-a3a8-5f3f3d6a9e11",
                "title": "Other words",
                "version": "",
                "artists": ["A. Example"],
                "length_ms": 180_500,
                "step": 3,
                "rivals": 0,
            }
        ],
    }
    return Suggestion.objects.create(recording=recording, **(values | options))


def mark(field: str = "isrc", at: str = "0.9900") -> SafeMark:
    """Return a measured mark of a field."""
    return SafeMark.objects.update_or_create(
        field=field, defaults={"mark": Decimal(at), "measured_at": timezone.now()}
    )[0]


def run_jobs() -> None:
    while run_next(Pool.WORK) is not None:
        pass


def run(*words: str) -> str:
    out = StringIO()
    call_command("enrich", *words, stdout=out)
    return out.getvalue()


def test_dump_is_read_confined_and_suggests_what_recordings_lack(
    tmp_path: Path, manager: User
) -> None:
    songs = invented_songs()
    path = dump_of(songs).write(tmp_path / "mbdump.tar.bz2")
    plain = ours(songs[3])
    recording = ours(songs[4], isrc=songs[4].isrcs[0], isrc_normalised=songs[4].isrcs[0])
    live = ours(songs[5], version_title="Live")
    far = ours(songs[6], duration_ms=songs[6].length_ms + 9_000)
    with pytest.raises(CommandError, match="CC0"):
        run("read", str(path), "--kind", "musicbrainz")

    message = run(
        *("read", str(path), "--kind", "musicbrainz", "--accept-licence"),
        *("--username", manager.username),
    )
    assert "300 recordings of 2026-09-02" in message
    run("match")

    def suggestions_for(recording: Recording) -> dict[str, str]:
        rows = Suggestion.objects.filter(recording=recording)
        return dict(rows.values_list("field", "value"))

    works = iswc(3).replace(".", "").replace("-", "")
    assert suggestions_for(plain) == {
        "isrc": songs[3].isrcs[0],
        "iswc": works,
        "label": songs[3].label,
        "upc": songs[3].barcode,
        "release_date": "1983-04-04",
        "artist_ids": f"1 MBID {uuid_of('a', 4)}",
    }
    assert set(suggestions_for(recording)) == set(suggestions_for(plain)) - {"isrc"}
    assert suggestions_for(live) == {}
    assert suggestions_for(far) == {}
    assert Event.objects.filter(action="enrichment.source_read").exists()
    # A search that finds the same changes nothing.
    before = sorted(Suggestion.objects.values_list("uid", "state"))
    run("match")
    assert sorted(Suggestion.objects.values_list("uid", "state")) == before
    # A rejected value needs another ground.
    rejected = Suggestion.objects.get(recording=plain, field="isrc")
    deciding.reject(suggestion=rejected, user=manager)
    run("match")
    rows = Suggestion.objects.filter(recording=plain, field="isrc")
    assert [row.state for row in rows] == [SuggestionState.REJECTED]
    rejected.delete()
    before = sorted(Suggestion.objects.values_list("uid", "state"))

    source = EnrichmentSource.objects.get()
    index = index_path(source)
    index.rename(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="not on this machine"):
        run("match")
    assert sorted(Suggestion.objects.values_list("uid", "state")) == before
    (tmp_path / "elsewhere").rename(index)
    sources.delete_source(source=source, user=manager)
    assert set(Suggestion.objects.values_list("state", flat=True)) == {"replaced"}


def test_own_list_goes_beside_the_dump_and_differences_are_shown(
    tmp_path: Path, manager: User
) -> None:
    song = invented_songs(1)[0]
    recording = ours(song)
    dump = dump_of([song]).write(tmp_path / "mbdump.tar.bz2")
    table = tmp_path / "list.csv"
    length = song.length_ms + 500
    table.write_text(
        "Track title;Artist;ISRC code;ISWC;Duration in ms;Label\n"
        f"{song.title};{song.artist};QZ-XX9-99-00001;{iswc(0)};{length};Label 0\n",
        encoding="utf-8",
    )
    for path, kind in ((dump, "musicbrainz"), (table, "table")):
        run("read", str(path), "--kind", kind, "--accept-licence")
    run("match")

    rows = Suggestion.objects.filter(recording=recording)
    codes = rows.filter(field="isrc").order_by("value")
    assert [row.value for row in codes] == [song.isrcs[0], "QZXX99900001"]
    assert {row.hold for row in codes} == {HoldReason.DISAGREE}
    both = rows.get(field="iswc")
    assert (len(both.evidence), both.sources.count(), both.hold) == (2, 2, "")


def test_undo_leaves_everything_as_it_was_except_what_somebody_changed_since(manager: User) -> None:
    recording = RecordingFactory.create()
    row = suggest(recording)

    act = deciding.accept(suggestion=row, user=manager)
    recording.refresh_from_db()
    assert (recording.isrc, recording.isrc_normalised) == (CODE, CODE)
    assert recording.isrc_status == "valid"
    changed = Event.objects.get(action="recording.changed")
    assert (changed.note, changed.actor) == (f"suggestion:{row.uid}", manager)

    deciding.undo_act(act=act, user=manager)
    recording.refresh_from_db()
    row.refresh_from_db()
    assert (recording.isrc, recording.isrc_status) == ("", "missing")
    assert (row.state, row.act, row.decided_by) == (SuggestionState.OPEN, "", None)
    with pytest.raises(EnrichmentRefused, match="nothing left"):
        deciding.undo_act(act=act, user=manager)

    act = deciding.accept(suggestion=row, user=manager)
    recording.refresh_from_db()
    columns = {"isrc": "QZXX19999999", "isrc_normalised": "QZXX19999999"}
    update_recording(recording=recording, columns=columns, user=manager)
    outcome = deciding.undo_act(act=act, user=manager)
    assert not outcome.done
    assert manager.username in outcome.skipped[0][1]
    recording.refresh_from_db()
    assert recording.isrc == "QZXX19999999"


def test_ids_go_to_the_artists_that_the_source_names(tmp_path: Path, page: Client) -> None:
    isni = "0000000081266409"
    songs = [
        Song("One", "Мира", aliases=("Mira",), isnis=(isni,), guests=("Oskar",)),
        # Nobody knows which of two ISNIs is the artist's.
        Song("Two", "Lena", isnis=(isni, "000000012146438X")),
        Song("Three", "Tomas & Ines"),
    ]
    recording = ours(songs[0], artists=["Mira", "Somebody", "Oskar"])
    two = ours(songs[1])
    three = ours(songs[2], artists=["Tomas & Ines"])
    path = dump_of(songs).write(tmp_path / "mbdump.tar.bz2")
    run("read", str(path), "--kind", "musicbrainz", "--accept-licence")
    run("match")

    rows = Suggestion.objects.filter(field=FillField.ARTIST_IDS)
    values = {row.recording: row.value for row in rows}
    mira, lena = f"1 MBID {uuid_of('a', 1)}", f"1 MBID {uuid_of('a', 2)}"
    assert values == {
        recording: f"{mira}, 1 ISNI {isni}, 3 MBID {uuid_of('a', 'Oskar')}",
        two: lena,
        three: f"1 MBID {uuid_of('a', 3)}",
    }

    user = User.objects.get()
    act = deciding.accept(suggestion=rows.get(recording=recording), user=user)
    recording = Recording.objects.get(pk=recording.pk)
    assert recording.artist_ids == values[recording]
    event = Event.objects.get(action="recording.changed")
    assert event.after == {"artist_ids": values[recording]}
    address = reverse("portal:recording_detail", args=[recording.uid])
    assert isni in page.get(address).content.decode()
    rights = page.get(reverse("api:recording_rights", args=[recording.uid])).json()
    assert {"position": 3, "artist": "Oskar", "kind": "mbid"}.items() <= (
        rights["artist_ids"][2].items()
    )
    # An id stays with its artist.
    update_recording(recording=recording, columns={"artists": ["Mira"]}, user=user)
    assert recording.artist_ids == f"{mira}, 1 ISNI {isni}"
    assert deciding.undo_act(act=act, user=user).skipped
    columns = {"artists": ["Mira", "Somebody", "Oskar"], "artist_ids": values[recording]}
    update_recording(recording=recording, columns=columns, user=user)
    assert deciding.undo_act(act=act, user=user).done
    assert Recording.objects.get(pk=recording.pk).artist_ids == ""


def test_no_code_goes_to_two_recordings(manager: User) -> None:
    first_recording, other_recording = RecordingFactory.create(), RecordingFactory.create()
    act = new_uid("fa")
    for recording in (first_recording, other_recording):
        suggest(recording, act=act)

    outcome = deciding.apply_act(act=act, user=manager)

    assert [row.recording for row in outcome.done] == [first_recording]
    assert "belongs to another recording" in outcome.skipped[0][1]
    assert Recording.objects.filter(isrc=CODE).count() == 1


def test_rule_accepts_above_the_mark_only(manager: User) -> None:
    bucket = BucketFactory.create()
    FillingRule.objects.create(bucket=bucket, field="isrc", least_confidence=0)
    rows = {
        "sure": suggest(RecordingFactory.create(bucket=bucket)),
        "unsure": suggest(
            RecordingFactory.create(bucket=bucket), value="QZXX10000008", confidence=Decimal("0.9")
        ),
        "held": suggest(
            RecordingFactory.create(bucket=bucket),
            value="QZXX10000009",
            hold=HoldReason.SEVERAL_THERE,
        ),
        "elsewhere": suggest(RecordingFactory.create(), value="QZXX10000010"),
    }

    suggesting.apply_rules()
    assert not Suggestion.objects.filter(state=SuggestionState.ACCEPTED).exists()
    mark()
    suggesting.apply_rules()

    accepted = Suggestion.objects.get(state=SuggestionState.ACCEPTED)
    assert accepted == rows["sure"]
    assert accepted.rule is not None
    event = Event.objects.get(action="suggestion.accepted")
    assert event.actor_name == f"filling-rule:{accepted.rule.uid}"
    FillingRule.objects.update(is_on=False)
    outcome = deciding.undo_act(act=accepted.act, user=manager)
    assert outcome.done == [accepted]


def test_pages_show_decide_and_undo(page: Client) -> None:
    mark()
    recordings = [RecordingFactory.create(title=f"Tune {n}") for n in range(3)]
    rows = [
        suggest(recording, value=f"QZXX1000001{n}", confidence=Decimal(f"0.999{9 - n}"))
        for n, recording in enumerate(recordings)
    ]
    held = suggest(recordings[0], field="label", value="X <b>", hold=HoldReason.WEAK)

    assert "Safe marks" in page.get(reverse("portal:fill_in")).content.decode()
    panel = page.get(reverse("portal:recording_detail", args=[recordings[0].uid]))
    assert "QZXX10000010" in panel.content.decode()
    text = page.get(reverse("portal:suggestion", args=[held.uid])).content.decode()
    assert "X &lt;b&gt;" in text
    assert 'class="fill__other">Other' in text

    act = reverse("portal:suggestion_act", args=[rows[0].uid])
    answer = page.post(f"{act}?field=isrc", {"verb": "accept"})
    assert answer["Location"].startswith(reverse("portal:suggestion", args=[rows[1].uid]))
    again = page.post(act, {"verb": "reject"})
    assert again.status_code == 409
    rows[0].refresh_from_db()
    page.post(reverse("portal:filling_undo"), {"act": rows[0].act, "back": "list"})
    rows[0].refresh_from_db()
    assert rows[0].state == SuggestionState.OPEN


def test_bulk_shows_first_and_takes_only_what_was_shown(page: Client, manager: User) -> None:
    mark()
    recordings = [RecordingFactory.create() for _n in range(3)]
    for n, recording in enumerate(recordings):
        suggest(recording, value=f"QZXX1000001{n}")
    suggest(recordings[0], field="label", value="Label")
    bulk = reverse("portal:suggestion_bulk")
    first = page.get(f"{bulk}?field=isrc").content.decode()
    assert "Accept 3 suggestions" in first
    assert not Recording.objects.exclude(isrc="").exists()
    assert "has changed" in page.post(bulk, {"expected": "2"}).content.decode()

    page.post(f"{bulk}?field=isrc", {"expected": "3"})
    run_jobs()

    assert Recording.objects.exclude(isrc="").count() == 3
    assert not Recording.objects.exclude(label="").exists()
    applied = Event.objects.get(action="enrichment.applied")
    assert (applied.actor, applied.after["accepted"]) == (manager, 3)


def test_people_decide_within_their_limits_only(client: Client) -> None:
    mark()
    seen, hidden = (
        suggest(RecordingFactory.create()),
        suggest(RecordingFactory.create(), value="QZXX10000020"),
    )
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, buckets=[seen.recording.bucket_id])
    limited = make_user(Role.MANAGER)
    limited.groups.add(group)
    client.force_login(limited)

    assert client.get(reverse("portal:suggestion", args=[hidden.uid])).status_code == 404
    client.post(reverse("portal:suggestion_bulk"), {"expected": "1"})
    run_jobs()
    hidden.refresh_from_db()
    seen.refresh_from_db()
    assert (seen.state, hidden.state) == ("accepted", "open")


def test_admin_adds_a_source_after_accepting_its_licence(
    client: Client, admin: User, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(admin)
    address = reverse("portal:open_data")
    client.get(address)
    table = folder / "enrichment" / "incoming" / "list.csv"
    table.write_text("title,artists,isrc\nOne,Somebody,QZXX10000007\n")
    values = {"file": "list.csv", "kind": "table", "name": "Ours"}
    assert client.post(address, values).status_code == 422
    assert client.post(address, values | {"file": "../x"}).status_code == 422

    client.post(address, values | {"accepts_licence": "on"})
    run_jobs()

    source = EnrichmentSource.objects.get()
    assert (source.state, source.rows, source.accepted_by) == ("ready", 1, admin)
    table.write_text("nothing\n")
    client.post(reverse("portal:open_data_read", args=[source.uid]))
    run_jobs()
    source.refresh_from_db()
    assert source.state == "failed"
    assert "names the columns" in client.get(address).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("portal:open_data_delete", args=[source.uid]))
    assert not list((folder / "enrichment").glob("es_*"))


def test_conflicts_of_rights_lead_to_sources_that_disagree(admin: User) -> None:
    (card,) = (card.values for card in on_pages.CARDS if card.page == "rights.conflicts")
    suggest(RecordingFactory.create(), value=CODE)
    assert card(None, admin) is None
    Suggestion.objects.update(hold=HoldReason.DISAGREE)
    assert card(None, admin) == 1


def test_admin_sends_a_list_that_goes_with_its_source(
    client: Client, admin: User, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    song = invented_songs(1)[0]
    recording = ours(song)
    client.force_login(admin)
    address = reverse("portal:open_data_send")
    assert address in client.get(reverse("portal:open_data")).content.decode()
    table = f"title,artists,isrc\n{song.title},{song.artist},{CODE}\n"

    def sent() -> SimpleUploadedFile:
        return SimpleUploadedFile("../ours.csv", table.encode())

    assert client.post(address, {"file": sent()}).status_code == 422
    assert not EnrichmentSource.objects.exists()
    client.post(address, {"file": sent(), "accepts_licence": "on"})
    run_jobs()

    source = EnrichmentSource.objects.get()
    assert (source.state, source.name, source.rows) == ("ready", "ours.csv", 1)
    assert source.accepted_by == admin
    assert Suggestion.objects.get(recording=recording).value == CODE
    # Stored files are what a backup takes along.
    path = Path(source.upload.path)
    assert path.read_bytes() == table.encode()
    assert not source.path
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("portal:open_data_delete", args=[source.uid]))
    assert not path.exists()


def test_command_accepts_what_is_safe(manager: User) -> None:
    values = {
        "isrc": CODE,
        "iswc": "T0345246801",
        "label": "Label",
        "upc": "071000000009",
        "release_date": "1999-07",
        "artist_ids": f"1 MBID {uuid_of('a')}, 1 ISNI 0000000081266409",
    }
    assert values.keys() == set(FillField.values)

    for field, value in values.items():
        mark(field)
        recording = RecordingFactory.create()
        row = suggest(recording, field=field, value=value)
        arguments = ("accept", "--field", field, "--username", manager.username)

        assert "1 suggestion would" in run(*arguments, "--dry-run")
        message = run(*arguments)
        recording.refresh_from_db()
        assert (getattr(recording, field), "1 accepted" in message) == (value, True)

        row.refresh_from_db()
        run("undo", row.act, "--username", manager.username)
        recording.refresh_from_db()
        assert getattr(recording, field) == ""
        row.delete()


def test_value_that_people_judge_also_right_counts_as_right(tmp_path: Path, page: Client) -> None:
    songs = invented_songs(12)
    for song in songs:
        ours(song, label=song.label)
    other_recording = Recording.objects.order_by("pk")[0]
    Recording.objects.filter(pk=other_recording.pk).update(label="A name of its own")
    path = dump_of(songs).write(tmp_path / "mbdump.tar.bz2")
    run("read", str(path), "--kind", "musicbrainz", "--accept-licence")
    run("match")
    before = SafeMark.objects.get(field="label")
    difference = KnownDifference.objects.get()
    address = reverse("portal:difference_list")
    text = page.get(address).content.decode()
    act = reverse("portal:difference_act", args=[difference.uid])

    page.post(act, {"verb": "also_right"})
    page.post(act, {"verb": "also_right"})
    run("match")

    after = SafeMark.objects.get(field="label")
    assert (before.known, before.right) == (12, 11)
    assert (after.known, after.right) == (12, 12)
    assert difference.found == songs[0].label
    assert songs[0].label in text
    # Judged once, and kept by the measurement; the recording stays as it is.
    assert Event.objects.filter(action="suggestion.difference_judged").count() == 1
    assert KnownDifference.objects.get().is_also_right
    other_recording.refresh_from_db()
    assert other_recording.label == "A name of its own"

    page.post(act, {"verb": "undo"})
    Recording.objects.filter(pk=other_recording.pk).update(label=songs[0].label)
    run("match")

    assert not KnownDifference.objects.exists()

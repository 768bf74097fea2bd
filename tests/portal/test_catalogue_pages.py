"""The catalogue's pages: recordings and buckets, adding and showing them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.services import find_duplicates
from tests import audio
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.fixtures import MakeClient, Worker, upload
from tests.portal.queries import queries_of
from web.portal.catalogue import views as catalogue_pages

VIEWER, REVIEWER, MANAGER, ADMIN = Role


def test_manager_adds_a_recording_that_is_then_searchable(
    signed_in: MakeClient, run_worker: Worker
) -> None:
    bucket, client = BucketFactory.create(), signed_in(MANAGER)
    address = reverse("portal:recording_add")
    content = audio.wav_bytes(audio.tune(4, 10))

    def sent(**fields: str) -> dict[str, object]:
        return {"bucket": bucket.pk, "audio": upload("tune.wav", content), **fields}

    refused = client.post(address, sent(title="T", upc="040000000014"))
    assert "should be 3" in refused.content.decode()
    assert not Recording.objects.exists()

    answer = client.post(address, sent(title="A tune", artists="One|Two", isrc="zz-x01-26-00001"))
    run_worker()

    recording = Recording.objects.get()
    assert answer["Location"] == f"/catalogue/recordings/{recording.uid}/"
    assert recording.status == "ready"
    assert recording.artists == ["One", "Two"]
    assert recording.isrc_normalised == "ZZX012600001"
    assert recording.duration_ms == 10_000

    again = client.post(address, sent(title="Second"))
    assert "This file is already in" in again.content.decode()
    assert Recording.objects.get().title == "A tune"


def test_a_bucket_keeps_all_that_its_form_asks(signed_in: MakeClient) -> None:
    signed_in(MANAGER).post(
        reverse("portal:bucket_create"),
        {"name": "Masters", "intake_rule": "reject", "search_earlier": "on"},
    )

    bucket = Bucket.objects.get(name="Masters")
    assert bucket.intake_rule == "reject"
    assert (bucket.search_earlier, bucket.intake_versions) == (True, False)


def test_recording_counts_more_matches_than_it_lists(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_pages, "_SHOWN_MATCHES", 1)
    recording = make_match().recording
    make_match(recording=recording)

    page = signed_in(VIEWER).get(reverse("portal:recording_detail", args=[recording.uid]))

    assert len(page.context["matches"]) == 1
    assert page.context["match_count"] == 2
    assert f"/matches/?recording={recording.uid}" in page.content.decode()


def test_recording_names_those_of_one_sound_with_one_query(signed_in: MakeClient) -> None:
    bucket = BucketFactory.create()
    first = RecordingFactory.create(bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10)
    client = signed_in(VIEWER)
    address = reverse("portal:recording_detail", args=[first.uid])
    alone = queries_of(client, address)

    RecordingFactory.create_batch(3, bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10)
    find_duplicates(bucket=bucket)

    assert len(client.get(address).context["same_sound"]) == 3
    assert queries_of(client, address) == alone


def test_a_recording_that_is_not_searched_says_so_and_names_what_stands_for_it(
    signed_in: MakeClient,
) -> None:
    ready, retired, merged = (
        RecordingFactory.create(audio="recordings/x.wav", title=f"Tune {number}")
        for number in range(3)
    )
    Recording.objects.exclude(pk=ready.pk).update(status=RecordingStatus.RETIRED)
    Recording.objects.filter(pk=merged.pk).update(merged_into=ready)
    client = signed_in(MANAGER)

    pages = [
        " ".join(
            client.get(reverse("portal:recording_detail", args=[row.uid])).content.decode().split()
        )
        for row in (ready, retired, merged)
    ]

    assert ["Fingerprint again" in page for page in pages] == [True, False, False]
    assert ["New scans look for it" in page for page in pages] == [True, False, False]
    assert "no scan looks for it" in pages[1]
    way = reverse("portal:recording_detail", args=[ready.uid])
    assert f'Merged into <a href="{way}"><bdi>Tune 0</bdi></a>' in pages[2]
    assert "Merged into" not in pages[1]


def test_catalogue_leads_those_who_edit_it_to_imports_and_an_empty_bucket_to_recordings(
    signed_in: MakeClient,
) -> None:
    catalogue = reverse("portal:catalogue")
    bucket = f"/catalogue/buckets/{BucketFactory.create().pk}/"
    imports = reverse("portal:catalogue_import")
    add = f'href="{reverse("portal:recording_add")}'

    for role, edits in ((MANAGER, True), (REVIEWER, False)):
        client = signed_in(role)
        of_bucket = client.get(bucket).content.decode()
        assert (imports in of_bucket) == (add in of_bucket) == edits, role
        assert (imports in client.get(catalogue).content.decode()) == edits, role


def test_recordings_that_cannot_be_found_are_listed_with_the_reason(signed_in: MakeClient) -> None:
    silent = RecordingFactory.create(title="Four Minutes", too_little_sound=True)
    bucket = silent.bucket
    RecordingFactory.create(title="A Tune", bucket=bucket)
    RecordingFactory.create(
        title="A Cover", bucket=bucket, status="error", status_message="It is no audio."
    )
    RecordingFactory.create(title="Gone", bucket=bucket, status="retired", too_little_sound=True)
    client = signed_in(REVIEWER)

    catalogue = client.get(reverse("portal:catalogue")).content.decode()
    listing = client.get(reverse("portal:unfindable_recordings")).content.decode()
    within = client.get(
        reverse("portal:bucket_detail", args=[bucket.pk]), {"state": "cannot_be_found"}
    ).content.decode()

    assert reverse("portal:unfindable_recordings") in catalogue
    assert "?state=cannot_be_found" in catalogue
    for page in (listing, within):
        assert "Four Minutes" in page
        assert "A Cover" in page
        assert "A Tune" not in page
        assert "Gone" not in page
        assert "Too little sound" in page
    assert "It is silent, or has too few sounds to be told apart." in listing
    assert "It is no audio." in listing

    # The page of a silent recording offers other audio.
    url = reverse("portal:recording_detail", args=[silent.uid])
    page = signed_in(MANAGER).get(url).content.decode()
    assert "holds too little sound to be found" in page
    assert "Replace its audio" in page
    assert "Search earlier files…" not in page
    assert "Searchable" not in page


def test_a_catalogue_in_which_all_can_be_found_leads_to_no_others(signed_in: MakeClient) -> None:
    RecordingFactory.create()

    catalogue = signed_in(VIEWER).get(reverse("portal:catalogue")).content.decode()

    assert reverse("portal:unfindable_recordings") not in catalogue


def test_a_new_recording_goes_into_the_bucket_it_was_asked_for_or_into_the_chosen_one(
    signed_in: MakeClient,
) -> None:
    add, client = reverse("portal:recording_add"), signed_in(MANAGER)
    first = BucketFactory.create(name="Ads")
    alone = client.get(add).context["form"]["bucket"].value()
    empty = BucketFactory.create(name="Zither")

    page = client.get(reverse("portal:bucket_detail", args=[empty.pk])).content.decode()
    several = client.get(add).context["form"]["bucket"].value()
    value = client.get(add, {"bucket": empty.pk}).context["form"]["bucket"].value()
    imported = client.get(reverse("portal:catalogue_import"))
    sent = client.post(add, {"title": "T", "audio": upload("a.wav", b"1")})

    assert (alone, several, value) == (first.pk, None, str(empty.pk))
    assert imported.context["form"]["bucket"].value() is None
    # The one in the head of the page and the one in the empty list.
    assert page.count(f"{add}?bucket={empty.pk}") == 2
    assert "bucket" in sent.context["form"].errors


def test_a_recording_is_edited_on_a_page_of_the_portal(signed_in: MakeClient) -> None:
    recording = RecordingFactory.create(title="Before", artists=["One"], isrc="ZZX012600001")
    text = reverse("portal:recording_detail", args=[recording.uid])
    address = reverse("portal:recording_edit", args=[recording.uid])
    client = signed_in(MANAGER)
    form = client.get(address).context["form"]
    values = {
        field.name: form[field.name].field.prepare_value(field.value()) or "" for field in form
    }

    refused = client.post(address, values | {"upc": "040000000014"})
    saved = client.post(address, values | {"title": "After", "isrc": "zz-x01-26-00002"})

    recording.refresh_from_db()
    assert address in client.get(text).content.decode()
    assert "/admin/" not in client.get(text).content.decode().split("<main")[1]
    assert "should be 3" in refused.content.decode()
    assert saved["Location"] == text
    assert (recording.title, recording.artists) == ("After", ["One"])
    assert recording.isrc_normalised == "ZZX012600002"
    assert signed_in(REVIEWER).get(address).status_code == 403
    assert address not in signed_in(REVIEWER).get(text).content.decode()

"""The catalogue's pages: recordings and buckets, adding and showing them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.roles import Role
from catalogue.models import Bucket, Recording
from dedup.services import find_duplicates
from portal.catalogue import views as catalogue_pages
from tests import audio
from tests.conftest import MakeClient, Worker, upload
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.portal.queries import queries_of

VIEWER, REVIEWER, MANAGER, ADMIN = Role


def test_manager_adds_a_recording_that_is_then_searchable(
    signed_in: MakeClient, run_worker: Worker
) -> None:
    bucket = BucketFactory.create()

    answer = signed_in(MANAGER).post(
        reverse("portal:recording_add"),
        {
            "bucket": bucket.pk,
            "audio": upload("tune.wav", audio.wav_bytes(audio.tune(4, 10))),
            "title": "A tune",
            "artists": "One|Two",
            "isrc": "zz-x01-26-00001",
        },
    )
    run_worker()

    recording = Recording.objects.get()
    assert answer["Location"] == f"/catalogue/recordings/{recording.uid}/"
    assert recording.status == "ready"
    assert recording.artists == ["One", "Two"]
    assert recording.isrc_normalised == "ZZX012600001"
    assert recording.duration_ms == 10_000


def test_same_file_again_is_refused_by_name(
    signed_in: MakeClient, run_worker: Worker
) -> None:
    bucket = BucketFactory.create()
    content = audio.wav_bytes(audio.tune(4, 10))
    client = signed_in(MANAGER)
    for title in ("First", "Second"):
        answer = client.post(
            reverse("portal:recording_add"),
            {"bucket": bucket.pk, "audio": upload("t.wav", content), "title": title},
        )

    assert "This file is already in" in answer.content.decode()
    assert Recording.objects.get().title == "First"


def test_recording_with_a_wrong_check_digit_is_not_added(
    signed_in: MakeClient,
) -> None:
    bucket = BucketFactory.create()

    answer = signed_in(MANAGER).post(
        reverse("portal:recording_add"),
        {
            "bucket": bucket.pk,
            "audio": upload("t.wav", b"x" * 100),
            "title": "T",
            "upc": "040000000014",
        },
    )

    assert "should be 3" in answer.content.decode()
    assert not Recording.objects.exists()


def test_manager_makes_a_bucket(signed_in: MakeClient) -> None:
    signed_in(MANAGER).post(
        reverse("portal:bucket_create"), {"name": "Masters", "intake_rule": "reject"}
    )

    bucket = Bucket.objects.get(name="Masters")
    assert bucket.intake_rule == "reject"


def test_a_bucket_keeps_all_that_its_form_asks(signed_in: MakeClient) -> None:
    signed_in(MANAGER).post(
        reverse("portal:bucket_create"),
        {"name": "Masters", "intake_rule": "ask", "search_earlier": "on"},
    )

    bucket = Bucket.objects.get(name="Masters")
    assert (bucket.search_earlier, bucket.intake_versions) == (True, False)


def test_recording_counts_more_matches_than_it_lists(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_pages, "_SHOWN_MATCHES", 1)
    recording = make_match().recording
    make_match(recording=recording)

    page = signed_in(VIEWER).get(
        reverse("portal:recording_detail", args=[recording.uid])
    )

    assert len(page.context["matches"]) == 1
    assert page.context["match_count"] == 2
    assert f"/matches/?recording={recording.uid}" in page.content.decode()


def test_recording_names_those_of_one_sound_with_one_query(
    signed_in: MakeClient,
) -> None:
    bucket = BucketFactory.create()
    first = RecordingFactory.create(
        bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10
    )
    client = signed_in(VIEWER)
    address = reverse("portal:recording_detail", args=[first.uid])
    alone = queries_of(client, address)

    RecordingFactory.create_batch(
        3, bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10
    )
    find_duplicates(bucket=bucket)

    assert len(client.get(address).context["same_sound"]) == 3
    assert queries_of(client, address) == alone


def test_catalogue_leads_those_who_edit_it_to_imports(signed_in: MakeClient) -> None:
    bucket = BucketFactory.create()
    pages = [reverse("portal:catalogue"), f"/catalogue/buckets/{bucket.pk}/"]
    target = reverse("portal:catalogue_import")

    for page in pages:
        assert target in signed_in(MANAGER).get(page).content.decode()
        assert target not in signed_in(REVIEWER).get(page).content.decode()


def test_empty_bucket_asks_those_for_recordings_who_may_add_them(
    signed_in: MakeClient,
) -> None:
    page = f"/catalogue/buckets/{BucketFactory.create().pk}/"
    link = f'href="{reverse("portal:recording_add")}'

    assert link in signed_in(MANAGER).get(page).content.decode()
    assert link not in signed_in(REVIEWER).get(page).content.decode()


def test_recordings_that_cannot_be_found_are_listed_with_the_reason(
    signed_in: MakeClient,
) -> None:
    silent = RecordingFactory.create(title="Four Minutes", too_little_sound=True)
    bucket = silent.bucket
    RecordingFactory.create(title="A Tune", bucket=bucket)
    RecordingFactory.create(
        title="A Cover", bucket=bucket, status="error", status_message="It is no audio."
    )
    RecordingFactory.create(
        title="Gone", bucket=bucket, status="retired", too_little_sound=True
    )
    client = signed_in(REVIEWER)

    catalogue = client.get(reverse("portal:catalogue")).content.decode()
    listed = client.get(reverse("portal:unfindable_recordings")).content.decode()
    within = client.get(
        reverse("portal:bucket_detail", args=[bucket.pk]), {"state": "cannot_be_found"}
    ).content.decode()

    assert reverse("portal:unfindable_recordings") in catalogue
    assert "?state=cannot_be_found" in catalogue
    for page in (listed, within):
        assert "Four Minutes" in page
        assert "A Cover" in page
        assert "A Tune" not in page
        assert "Gone" not in page
        assert "Too little sound" in page
    assert "It is silent or nearly so." in listed
    assert "It is no audio." in listed


def test_a_catalogue_in_which_all_can_be_found_says_so(signed_in: MakeClient) -> None:
    RecordingFactory.create()
    client = signed_in(VIEWER)

    catalogue = client.get(reverse("portal:catalogue")).content.decode()
    listed = client.get(reverse("portal:unfindable_recordings")).content.decode()

    assert reverse("portal:unfindable_recordings") not in catalogue
    assert "Every recording can be found" in listed


def test_queries_do_not_grow_with_what_cannot_be_found(signed_in: MakeClient) -> None:
    client, url = signed_in(VIEWER), reverse("portal:unfindable_recordings")
    RecordingFactory.create(too_little_sound=True)
    few = queries_of(client, url)
    RecordingFactory.create_batch(5, too_little_sound=True)

    assert queries_of(client, url) == few


def test_a_silent_recording_says_so_and_offers_other_audio(
    signed_in: MakeClient,
) -> None:
    recording = RecordingFactory.create(too_little_sound=True)
    url = reverse("portal:recording_detail", args=[recording.uid])

    page = signed_in(MANAGER).get(url).content.decode()

    assert "holds too little sound to be found" in page
    assert "Replace its audio" in page
    assert "Search earlier files…" not in page
    assert "Searchable" not in page

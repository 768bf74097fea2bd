"""Every admin screen opens for its roles, and saves only permitted changes."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from base.accounts.models import AccessLimit, KnownPlace, User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.phrases import own_models
from base.jobs.models import Installation, Job, Machine
from catalogue.models import (
    ArtistIdentity,
    Bucket,
    CatalogueState,
    Exclusion,
    IndexCopy,
    IndexEntry,
    Recording,
)
from catalogue.owners.models import OtherTitle, Share, Statement, Track, WorkNumber
from dedup.models import CheckedRecording, DedupGroup, DedupMember, LoopPlace, TrackId
from imports.models import ImportStep
from review.models import FileFigures, Match
from scanning.choices import CallbackOutcome, ScanStatus
from scanning.models import (
    Container,
    DeliveryAttempt,
    Detection,
    FileTrack,
    InboundCallback,
    PartitionQuestion,
    PartitionSearch,
    Project,
    ResumableUpload,
    Scan,
    ScannedFile,
    Segment,
    UploadPiece,
)
from scanning.models.drop import DropFolder, DropItem
from scanning.models.watch import WatchCheck, WatchItem
from scanning.services.containers import inbound_callback_url
from statements.models import StatementCheck, StatementFact, StatementFile, StatementStep
from tests.factories.accounts import confirm, make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.portal.queries import queries_of
from tests.security.admin_screens import SHOWN_ELSEWHERE
from tests.visible_text import visible_text
from web.acrapi.models import RepeatableCall, StagedUpload

pytestmark = pytest.mark.django_db

SHOWN: list[type[Model]] = [
    Bucket,
    Container,
    DedupGroup,
    Detection,
    Event,
    InboundCallback,
    Match,
    Recording,
    Scan,
    ScannedFile,
]
NEVER_WRITTEN: list[type[Model]] = [*(Detection, Event, InboundCallback, Match, Scan)]


@pytest.fixture
def content() -> None:
    """Add one row of everything."""
    _one_of_each()


def _one_of_each() -> None:
    match = make_match()
    group = DedupGroup.objects.create()
    DedupMember.objects.create(group=group, recording=match.recording, canonical=True)
    InboundCallback.objects.create(
        container=match.scanned_file.container,
        body='{"cid": 1}',
        body_sha256=f"{match.pk:064x}",
        file_id="f-1",
        outcome=CallbackOutcome.ORPHAN,
    )


def entered(client: Client, role: Role) -> Client:
    client.force_login(make_user(role))
    return client


def address(model: type[Model], page: str, *args: object) -> str:
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def test_every_model_of_the_product_has_a_screen() -> None:
    shown_inside = {
        # The page of a recording changes them.
        ArtistIdentity,
        # The page of a user shows where they sign in from.
        KnownPlace,
        *(AccessLimit, DedupMember, DeliveryAttempt, Segment, WatchCheck, WatchItem),
        # The page of a drop shows its files.
        *(DropFolder, DropItem),
        # One is shown on its loop's page; the other has no page for people.
        *(LoopPlace, CheckedRecording),
        # The jobs page shows jobs, machines and copies; the others are notes of workers.
        *(CatalogueState, IndexCopy, IndexEntry, Installation, Job, Machine),
        # The pages of works, recordings and releases show these.
        *(OtherTitle, Share, Statement, Track, WorkNumber),
        # The page of an import shows what its undo takes back.
        ImportStep,
        # Programs ask for these ids by the wire format.
        TrackId,
        # The page of a file names its sound tracks.
        FileTrack,
        # The page of a file shows its timeline as the viewer may see it.
        FileFigures,
        # The page of a statement shows them.
        *(StatementCheck, StatementFact, StatementFile, StatementStep),
        # On their way to a scanned file, and answers to calls that programs repeat.
        *(RepeatableCall, ResumableUpload, StagedUpload, UploadPiece),
        # Between machines, while a scan waits for them.
        *(PartitionQuestion, PartitionSearch),
    }
    shown_inside |= {apps.get_model(label) for label in SHOWN_ELSEWHERE}
    for model in own_models():
        assert admin.site.is_registered(model) or model in shown_inside, model


def test_lists_and_pages_open_with_a_fixed_number_of_queries(client: Client, content: None) -> None:
    """``tests/security`` opens them as a viewer and compares the rights of all roles."""
    # Before anybody signs in: signing in is an event too, and not everybody sees it.
    rows = {model: model._default_manager.latest("pk") for model in SHOWN}
    entered(client, Role.MANAGER)
    few = {}
    for model, row in rows.items():
        listing = address(model, "changelist")
        assert client.get(address(model, "change", row.pk)).status_code == 200, model
        assert client.get(listing, {"q": "x"}).status_code == 200, model
        few[listing] = queries_of(client, listing)

    for _ in range(3):
        _one_of_each()

    for listing, count in few.items():
        # A second month adds a query for the date hierarchy.
        assert queries_of(client, listing) <= count + 1, listing


def test_nobody_adds_changes_or_deletes_what_is_kept_as_it_was(
    client: Client, content: None
) -> None:
    entered(client, Role.ADMIN)
    root = Client()
    root.force_login(User.objects.create_superuser("root", password=None))

    for model in SHOWN:
        row = model._default_manager.latest("pk")
        delete = address(model, "delete", row.pk)
        assert root.get(delete).status_code == 403, model
        if model in NEVER_WRITTEN:
            change = address(model, "change", row.pk)
            assert client.get(address(model, "add")).status_code == 403, model
            assert client.post(change, {}).status_code == 403, model
            assert client.post(delete, {"post": "yes"}).status_code == 403, model


def container_form(**fields: object) -> dict[str, object]:
    """Return the form of a container as a browser sends it."""
    return {
        "name": "TV",
        "engine": "embedded",
        "audio_type": "linein",
        "edited_music": "widely",
        "score_floor": "50.0",
        "upload_audio": "original",
        "link_audio": "original",
        **fields,
    }


def test_admin_makes_a_container(client: Client) -> None:
    entered(client, Role.ADMIN)
    bucket = BucketFactory.create()

    client.post(address(Container, "add"), container_form(buckets=[bucket.pk]))

    container = Container.objects.get(name="TV")
    assert list(container.buckets.all()) == [bucket]
    assert container.created_by is not None
    event = Event.objects.get(case=f"container:{container.pk}")
    assert event.action == "container.created"
    assert event.after["buckets"] == [bucket.pk]
    assert (event.after["score_floor"], event.after["audio_type"]) == ("50.0", "linein")
    assert event.after["upload_audio"] == "original"


def test_admin_changes_floor_and_engine_of_a_container(client: Client) -> None:
    entered(client, Role.ADMIN)
    confirm(client)
    container = make_match().scanned_file.container
    page = address(Container, "change", container.pk)
    sent = container_form(
        callback_url="https://client.example/results",
        score_floor="95.0",
        buckets=[BucketFactory.create().pk],
    )

    # Another floor is previewed before it is saved.
    question = client.post(page, sent)
    container.refresh_from_db()
    assert "nothing is saved yet" in question.content.decode()
    assert "1 waiting match is below it and stays" in question.content.decode()
    assert container.score_floor == 50
    assert container.callback_url == ""

    client.post(page, sent | {"floor_shown": "95.0"})
    container.refresh_from_db()
    assert container.score_floor == 95
    assert container.callback_url == "https://client.example/results"
    event = Event.objects.get(case=f"container:{container.pk}")
    assert event.after["callback_url"] == "https://client.example/results"

    # Another engine has another callback address, which admins alone see.
    secret = container.callback_secret
    answer = client.post(page, sent | {"engine": "acrcloud"}, follow=True)
    assert "has a new callback address" in answer.content.decode()
    container.refresh_from_db()
    assert container.callback_secret != secret
    as_admin = client.get(page).content.decode()
    as_manager = entered(client, Role.MANAGER).get(page).content.decode()
    assert inbound_callback_url(container) in as_admin
    assert container.callback_secret not in as_manager


def test_admin_says_under_which_id_acrcloud_knows_a_file(client: Client) -> None:
    entered(client, Role.ADMIN)
    ScannedFileFactory.create(remote_id="456")
    file = ScannedFileFactory.create(name="a.wav", tags=["territory:CH", "spring", "promo"])
    page = address(ScannedFile, "change", file.pk)
    sent = {"name": "b.wav", "scans-TOTAL_FORMS": "0", "scans-INITIAL_FORMS": "0"}

    text = visible_text(client.get(page).content.decode())
    taken = client.post(page, {**sent, "remote_id": "456"})
    client.post(page, {**sent, "remote_id": " 123 "})

    assert "Switzerland" in text
    assert "spring, promo" in text
    assert "territory:" not in text
    assert "Another file already has the ACRCloud id 456." in taken.content.decode()
    file.refresh_from_db()
    assert (file.remote_id, file.name) == ("123", "a.wav")
    event = Event.objects.get(case=f"file:{file.uid}")
    assert (event.action, event.after) == ("file.remote_id_set", {"remote_id": "123"})


def test_reviewer_asks_for_another_scan(client: Client) -> None:
    entered(client, Role.REVIEWER)
    file = ScannedFileFactory.create(media="files/a.wav")
    page, sent = address(ScannedFile, "changelist"), {"action": "rescan"}
    chosen = {**sent, ACTION_CHECKBOX_NAME: [file.pk]}

    answer = client.post(page, chosen)
    assert "What this affects" in answer.content.decode()
    assert not Scan.objects.filter(scanned_file=file).exists()
    done = client.post(page, {**chosen, "apply": "yes"}, follow=True)
    again = client.post(page, {**chosen, "apply": "yes"}, follow=True)

    assert Scan.objects.get(scanned_file=file).status == ScanStatus.QUEUED
    assert "1 file scanned again." in done.content.decode()
    assert "is already being scanned" in again.content.decode()

    # More files than a page shows are not scanned again at once.
    ScannedFileFactory.create_batch(100, container=file.container, media="files/a.wav")
    all_files = {**chosen, "select_across": "1", "index": "0", "apply": "yes"}
    refused = client.post(page, all_files, follow=True)
    assert "Tick at most 100 files at once." in refused.content.decode()
    assert Scan.objects.count() == 1


def test_manager_edits_metadata_and_the_identifiers_are_checked(client: Client) -> None:
    entered(client, Role.MANAGER)
    recording = RecordingFactory.create(title="Before", artists=["A"])
    RecordingFactory.create(bucket=recording.bucket, custom_id="LIB-OTHER")
    page = address(Recording, "change", recording.pk)
    sent = {
        "title": "After",
        "artists": "A. Example\r\nB. Sample",
        "isrc": "ZZ-X01-26-00001",
        "release_date": "2016-06",
        "custom_id": "LIB-1",
    }

    bad = client.post(page, {**sent, "upc": "040000000014"})
    taken = client.post(page, {**sent, "custom_id": "LIB-OTHER"})
    client.post(page, {**sent, "upc": "040000000013"})

    assert bad.status_code == taken.status_code == 200
    errors = taken.context["adminform"].form.errors
    assert errors["custom_id"] == ["Another recording of this bucket has this id."]
    recording.refresh_from_db()
    assert (recording.title, recording.artists) == ("After", ["A. Example", "B. Sample"])
    assert recording.isrc_normalised == "ZZX012600001"
    event = Event.objects.get(case=f"recording:{recording.uid}")
    assert event.before["title"] == "Before"
    assert event.after["artists"] == ["A. Example", "B. Sample"]


def test_manager_without_access_limits_makes_a_bucket(client: Client) -> None:
    entered(client, Role.MANAGER)
    sent = {"name": "Library", "bucket_type": "File", "intake_rule": "ask"}

    client.post(address(Bucket, "add"), sent)

    bucket = Bucket.objects.get(name="Library")
    assert bucket.created_by is not None
    assert Event.objects.filter(case=f"bucket:{bucket.pk}").count() == 1

    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, buckets=[bucket.pk])
    User.objects.get(groups__name=Role.MANAGER).groups.add(group)
    refused = client.post(address(Bucket, "add"), sent | {"name": "Hidden"})
    assert refused.status_code == 403
    assert not Bucket.objects.filter(name="Hidden").exists()


def test_times_and_lengths_are_shown_as_on_the_pages(client: Client) -> None:
    entered(client, Role.VIEWER)
    exclusion = Exclusion.objects.create(
        recording=RecordingFactory.create(), start_ms=61_500, end_ms=90_000
    )

    for page in (
        client.get(address(Exclusion, "changelist")),
        client.get(address(Exclusion, "change", exclusion.pk)),
    ):
        text = page.content.decode()
        assert "1:01.500" in text
        assert "1:30" in text
        assert "(ms)" not in text
        assert ">61500<" not in text
    assert '<time datetime="' in text
    exclusion.end_ms = 3_725_000
    assert str(exclusion).endswith("1:01.5 – 1:02:05.0")


def test_forms_name_related_rows_or_show_a_dash(client: Client) -> None:
    entered(client, Role.ADMIN)
    project = Project.objects.create(name="Clips")
    BucketFactory.create(name="Library")

    page = client.get(address(Project, "change", project.pk)).content.decode()
    # Buckets of a container are found by typing.
    answer = client.get(
        reverse("admin:autocomplete"),
        {
            "app_label": "scanning",
            "model_name": "container",
            "field_name": "buckets",
            "term": "Libr",
        },
    )

    assert re.search(r"Buckets:</label>\s*<div class=\"readonly\">–</div>", page)
    assert [row["text"] for row in answer.json()["results"]] == ["Library"]

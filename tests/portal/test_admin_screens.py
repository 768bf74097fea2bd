"""Every admin screen opens for its roles, and saves only permitted changes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AccessLimit, KnownPlace, User
from accounts.roles import Role
from audit.models import Event
from catalogue.models import (
    ArtistIdentity,
    Bucket,
    CatalogueState,
    Exclusion,
    IndexCopy,
    IndexEntry,
    Recording,
)
from dedup.models import CheckedRecording, DedupGroup, DedupMember, LoopPlace, TrackId
from imports.models import ImportStep
from monitoring.streams.models import ClockAnchor
from monitoring.unknown.models import (
    ContainerPlays,
    KeptFile,
    Occurrence,
    SharedRun,
    UnknownItem,
    UnknownPolicy,
)
from notices.models import NoticeAnswer, NoticeItem
from platforms.models import ClaimFileRow, GroundChange, PolicyTerms, PriorValues
from review.models import Match
from rights.models import OtherTitle, Share, Statement, Track, WorkNumber
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
from tests.conftest import MakeClient
from tests.factories.accounts import confirm, make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.factories.streams import DAY, StreamHourFactory
from tests.visible_text import visible_text

pytestmark = pytest.mark.django_db

SHOWN: list[type[Model]] = [
    Bucket,
    Container,
    DedupGroup,
    Detection,
    Event,
    InboundCallback,
    KeptFile,
    Match,
    Recording,
    Scan,
    ScannedFile,
    UnknownItem,
    UnknownPolicy,
]
NEVER_WRITTEN: list[type[Model]] = [
    *(Detection, Event, InboundCallback, Match, Scan),
    *(KeptFile, UnknownItem, UnknownPolicy),
]
PRODUCT_APPS = [
    "accounts",
    "audit",
    "broadcasts",
    "catalogue",
    "declarations",
    "dedup",
    "enrichment",
    "imports",
    "platforms",
    "programmes",
    "recurring",
    "reports",
    "review",
    "rights",
    "scanning",
    "streams",
]


@pytest.fixture
def content() -> None:
    """Add one row of everything."""
    _one_of_each()


def _one_of_each() -> None:
    match = make_match()
    group = DedupGroup.objects.create()
    DedupMember.objects.create(group=group, recording=match.recording, canonical=True)
    kept = KeptFile.objects.create(scanned_file=match.scanned_file)
    Occurrence.objects.create(
        item=UnknownItem.objects.create(length_ms=9_000),
        file=kept,
        start_ms=0,
        end_ms=9_000,
        item_start_ms=0,
        item_end_ms=9_000,
        bits=80,
        score=90,
    )
    UnknownPolicy.objects.create(container=match.scanned_file.container)
    InboundCallback.objects.create(
        container=match.scanned_file.container,
        body='{"cid": 1}',
        body_sha256=f"{match.pk:064x}",
        file_id="f-1",
        outcome=CallbackOutcome.ORPHAN,
    )


def entered(client: Client, role: Role) -> Client:
    """Sign a new user in."""
    client.force_login(make_user(role))
    return client


def address(model: type[Model], page: str, *args: object) -> str:
    """Return the address of an admin page."""
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
        # The jobs page shows the copies; the other two are notes of the workers.
        *(CatalogueState, IndexCopy, IndexEntry),
        # The page of an item shows its figures and where it occurs; runs are the
        # worker's.
        *(ContainerPlays, Occurrence, SharedRun),
        # The pages of works, recordings and releases show these.
        *(OtherTitle, Share, Statement, Track, WorkNumber),
        # The page of a run shows its anchors.
        ClockAnchor,
        # The page of a notice shows these.
        *(NoticeAnswer, NoticeItem),
        # The page of a claim shows its terms; the others are the worker's notes.
        *(PolicyTerms, PriorValues, GroundChange, ClaimFileRow),
        # The page of an import shows what its undo takes back.
        ImportStep,
        # Programs ask for these ids by the wire format.
        TrackId,
        # The page of a file names its sound tracks.
        FileTrack,
        # On their way to a scanned file.
        *(ResumableUpload, UploadPiece),
        # Between machines, while a scan waits for them.
        *(PartitionQuestion, PartitionSearch),
    }
    for label in PRODUCT_APPS:
        for model in apps.get_app_config(label).get_models():
            assert admin.site.is_registered(model) or model in shown_inside, model


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("model", SHOWN)
def test_every_role_sees_list_and_page(
    client: Client, content: None, role: Role, model: type[Model]
) -> None:
    # Before anybody signs in: signing in is an event too, and not everybody sees it.
    row = model._default_manager.latest("pk")
    entered(client, role)

    assert client.get(address(model, "changelist")).status_code == 200
    assert client.get(address(model, "changelist"), {"q": "x"}).status_code == 200
    assert client.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", NEVER_WRITTEN)
def test_nobody_adds_changes_or_deletes_what_is_kept_as_it_was(
    client: Client, content: None, model: type[Model]
) -> None:
    entered(client, Role.ADMIN)
    row = model._default_manager.latest("pk")

    assert client.get(address(model, "add")).status_code == 403
    assert client.post(address(model, "change", row.pk), {}).status_code == 403
    assert (
        client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code
        == 403
    )


@pytest.mark.parametrize("model", SHOWN)
def test_superuser_deletes_nothing_either(
    client: Client, content: None, model: type[Model]
) -> None:
    client.force_login(User.objects.create_superuser("root", password=None))
    row = model._default_manager.latest("pk")

    assert client.get(address(model, "delete", row.pk)).status_code == 403


@pytest.mark.parametrize("model", SHOWN)
def test_lists_need_a_fixed_number_of_queries(
    client: Client, content: None, model: type[Model]
) -> None:
    entered(client, Role.MANAGER)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(address(model, "changelist"))
        return len(captured)

    few = queries()
    for _ in range(3):
        _one_of_each()

    assert queries() <= few + 1  # a second month adds a query for the date hierarchy


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, False),
        (Role.REVIEWER, False),
        (Role.MANAGER, False),
        (Role.ADMIN, True),
    ],
)
def test_only_admins_configure(client: Client, role: Role, allowed: bool) -> None:
    entered(client, role)
    expected = 200 if allowed else 403

    assert client.get(address(Container, "add")).status_code == expected
    assert client.get(address(User, "changelist")).status_code == expected
    assert client.get(reverse("admin:auth_group_changelist")).status_code == expected


def test_admin_makes_a_container(client: Client) -> None:
    entered(client, Role.ADMIN)
    bucket = BucketFactory.create()

    client.post(
        address(Container, "add"),
        {
            "name": "TV",
            "engine": "embedded",
            "buckets": [bucket.pk],
            "audio_type": "linein",
            "edited_music": "widely",
            "score_floor": "50.0",
            "upload_audio": "original",
            "link_audio": "original",
        },
    )

    container = Container.objects.get(name="TV")
    assert list(container.buckets.all()) == [bucket]
    assert container.created_by is not None
    event = Event.objects.get(case=f"container:{container.pk}")
    assert event.action == "container.created"
    assert event.after["buckets"] == [bucket.pk]
    assert (event.after["score_floor"], event.after["audio_type"]) == ("50.0", "linein")
    assert event.after["upload_audio"] == "original"


def test_another_floor_is_previewed_before_it_is_saved(client: Client) -> None:
    entered(client, Role.ADMIN)
    confirm(client)
    match = make_match()
    container = match.scanned_file.container
    page = address(Container, "change", container.pk)
    sent = {
        "name": container.name,
        "engine": container.engine,
        "audio_type": container.audio_type,
        "edited_music": "widely",
        "upload_audio": container.upload_audio,
        "link_audio": container.link_audio,
        "callback_url": "https://client.example/results",
        "score_floor": "95.0",
    }

    asked = client.post(page, sent)
    container.refresh_from_db()
    assert "nothing is saved yet" in asked.content.decode()
    assert "1 waiting match is below it and stays" in asked.content.decode()
    assert container.score_floor == 50
    assert container.callback_url == ""

    client.post(page, sent | {"floor_shown": "95.0"})
    container.refresh_from_db()
    assert container.score_floor == 95
    assert container.callback_url == "https://client.example/results"
    event = Event.objects.get(case=f"container:{container.pk}")
    assert event.after["callback_url"] == "https://client.example/results"


def test_another_engine_makes_a_new_callback_address_and_says_so(
    client: Client,
) -> None:
    entered(client, Role.ADMIN)
    container = ContainerFactory.create()
    sent = {
        "name": container.name,
        "engine": "acrcloud",
        "audio_type": container.audio_type,
        "edited_music": "widely",
        "upload_audio": container.upload_audio,
        "link_audio": container.link_audio,
        "score_floor": container.score_floor,
    }

    answer = client.post(address(Container, "change", container.pk), sent, follow=True)

    assert "has a new callback address" in answer.content.decode()
    secret = container.callback_secret
    container.refresh_from_db()
    assert container.callback_secret != secret


def test_callback_address_is_for_admins_alone(client: Client) -> None:
    container = ContainerFactory.create()
    page = address(Container, "change", container.pk)

    as_manager = entered(client, Role.MANAGER).get(page).content.decode()
    as_admin = entered(client, Role.ADMIN).get(page).content.decode()

    assert container.callback_secret not in as_manager
    assert inbound_callback_url(container) in as_admin


def test_admin_says_under_which_id_acrcloud_knows_a_file(client: Client) -> None:
    entered(client, Role.ADMIN)
    file = ScannedFileFactory.create(name="a.wav")
    page = address(ScannedFile, "change", file.pk)

    client.post(page, {"remote_id": " 123 ", "name": "b.wav", **_no_inlines()})

    file.refresh_from_db()
    assert (file.remote_id, file.name) == ("123", "a.wav")
    event = Event.objects.get(case=f"file:{file.uid}")
    assert (event.action, event.after) == ("file.remote_id_set", {"remote_id": "123"})


def test_admin_names_the_territories_of_a_file(client: Client) -> None:
    file = ScannedFileFactory.create(tags=["territory:CH", "spring", "promo"])

    page = entered(client, Role.ADMIN).get(address(ScannedFile, "change", file.pk))

    text = visible_text(page.content.decode())
    assert "Switzerland" in text
    assert "spring, promo" in text
    assert "territory:" not in text


def test_remote_id_of_another_file_is_refused(client: Client) -> None:
    entered(client, Role.ADMIN)
    ScannedFileFactory.create(remote_id="123")
    file = ScannedFileFactory.create()

    response = client.post(
        address(ScannedFile, "change", file.pk), {"remote_id": "123", **_no_inlines()}
    )

    assert "Another file already has the ACRCloud id 123." in response.content.decode()


def _no_inlines() -> dict[str, str]:
    return {"scans-TOTAL_FORMS": "0", "scans-INITIAL_FORMS": "0"}


def test_reviewer_asks_for_another_scan(client: Client) -> None:
    entered(client, Role.REVIEWER)
    file = ScannedFileFactory.create(media="files/a.wav")
    page, sent = address(ScannedFile, "changelist"), {"action": "rescan"}
    chosen = {**sent, ACTION_CHECKBOX_NAME: [file.pk]}

    asked = client.post(page, chosen)
    assert "What this affects" in asked.content.decode()
    assert not Scan.objects.filter(scanned_file=file).exists()
    done = client.post(page, {**chosen, "apply": "yes"}, follow=True)
    again = client.post(page, {**chosen, "apply": "yes"}, follow=True)

    assert Scan.objects.get(scanned_file=file).status == ScanStatus.QUEUED
    assert "1 file scanned again." in done.content.decode()
    assert "is already being scanned" in again.content.decode()


def test_more_files_than_on_the_pages_are_not_scanned_again_at_once(
    client: Client,
) -> None:
    entered(client, Role.REVIEWER)
    files = ScannedFileFactory.create_batch(101, media="files/a.wav")
    chosen = {ACTION_CHECKBOX_NAME: [files[0].pk], "select_across": "1", "index": "0"}

    answer = client.post(
        address(ScannedFile, "changelist"),
        {**chosen, "action": "rescan", "apply": "yes"},
        follow=True,
    )

    assert "Tick at most 100 files at once." in answer.content.decode()
    assert not Scan.objects.exists()


def test_manager_edits_metadata_and_the_identifiers_are_checked(
    client: Client,
) -> None:
    entered(client, Role.MANAGER)
    recording = RecordingFactory.create(title="Before", artists=["A"])
    page = address(Recording, "change", recording.pk)
    sent = {
        "title": "After",
        "artists": "A. Example\r\nB. Sample",
        "isrc": "ZZ-X01-26-00001",
        "release_date": "2016-06",
        "custom_id": "LIB-1",
    }

    bad = client.post(page, {**sent, "upc": "040000000014"})
    client.post(page, {**sent, "upc": "040000000013"})

    assert bad.status_code == 200
    recording.refresh_from_db()
    assert (recording.title, recording.artists) == (
        "After",
        ["A. Example", "B. Sample"],
    )
    assert recording.isrc_normalised == "ZZX012600001"
    event = Event.objects.get(case=f"recording:{recording.uid}")
    assert event.before["title"] == "Before"
    assert event.after["artists"] == ["A. Example", "B. Sample"]


def test_reviewer_may_not_edit_the_catalogue(client: Client) -> None:
    entered(client, Role.REVIEWER)
    recording = RecordingFactory.create()

    response = client.post(address(Recording, "change", recording.pk), {"title": "x"})

    assert response.status_code == 403
    assert client.get(address(Bucket, "add")).status_code == 403


def test_manager_makes_a_bucket(client: Client) -> None:
    entered(client, Role.MANAGER)

    client.post(
        address(Bucket, "add"),
        {"name": "Library", "bucket_type": "File", "intake_rule": "ask"},
    )

    bucket = Bucket.objects.get(name="Library")
    assert bucket.created_by is not None
    assert Event.objects.filter(case=f"bucket:{bucket.pk}").count() == 1


def test_admin_makes_a_user_with_a_role(client: Client) -> None:
    entered(client, Role.ADMIN)
    confirm(client)
    page = client.get(address(User, "add"))
    group = (
        page.context["adminform"].form.fields["groups"].queryset.get(name="reviewer")
    )

    client.post(
        address(User, "add"),
        {
            "username": "new.person",
            "usable_password": "true",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
            "groups": [group.pk],
            "is_staff": "on",
        },
    )

    made = User.objects.get(username="new.person")
    assert made.has_perm("accounts.decide_matches")
    assert not made.is_superuser


def test_times_and_lengths_are_shown_as_on_the_pages(client: Client) -> None:
    entered(client, Role.VIEWER)
    exclusion = Exclusion.objects.create(
        recording=RecordingFactory.create(), start_ms=61_500, end_ms=90_000
    )

    for page in (
        client.get(address(Exclusion, "changelist")),
        client.get(address(Exclusion, "change", exclusion.pk)),
    ):
        shown = page.content.decode()
        assert "1:01.500" in shown
        assert "1:30" in shown
        assert "(ms)" not in shown
        assert ">61500<" not in shown
    assert '<time datetime="' in shown


def test_a_form_that_shows_no_row_of_a_relation_shows_a_dash(client: Client) -> None:
    entered(client, Role.ADMIN)
    project = Project.objects.create(name="Clips")

    shown = client.get(address(Project, "change", project.pk)).content.decode()

    assert re.search(r"Buckets:</label>\s*<div class=\"readonly\">–</div>", shown)


def test_buckets_of_a_container_are_found_by_typing(client: Client) -> None:
    entered(client, Role.ADMIN)
    BucketFactory.create(name="Library")

    response = client.get(
        reverse("admin:autocomplete"),
        {
            "app_label": "scanning",
            "model_name": "container",
            "field_name": "buckets",
            "term": "Libr",
        },
    )

    assert [row["text"] for row in response.json()["results"]] == ["Library"]


def test_hours_of_streams_are_filtered_by_days_without_reading_all_rows(
    signed_in: MakeClient,
) -> None:
    hours = [
        StreamHourFactory.create(
            starts_at=DAY + timedelta(days=day),
            ends_at=DAY + timedelta(days=day, hours=1),
        )
        for day in range(4)
    ]
    client = signed_in(Role.ADMIN)
    address = reverse("admin:streams_streamhour_changelist")
    first, last = (f"{DAY + timedelta(days=day):%Y-%m-%d}" for day in (1, 2))

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(
            address, {"starts_at__from": first, "starts_at__to": last, "q": ""}
        )

    assert set(answer.context["cl"].result_list) == set(hours[1:3])
    assert f'value="{first}"' in answer.content.decode()
    assert not [one for one in queries if "DISTINCT django_datetime" in one["sql"]]
    unreadable = client.get(address, {"starts_at__from": "soon"})
    assert len(unreadable.context["cl"].result_list) == 4


def test_an_exclusion_is_named_by_times_as_people_write_them() -> None:
    exclusion = Exclusion(
        recording=RecordingFactory.build(title="Sea Song"),
        start_ms=61_500,
        end_ms=3_725_000,
    )

    assert str(exclusion).endswith("1:01.5 – 1:02:05.0")

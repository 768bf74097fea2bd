"""The duplicate pages: list, groups, pairs, loops, bulk actions, checks, report."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import openpyxl
import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Bucket, Exclusion, Recording, RecordingStatus
from catalogue.services import add_recording
from dedup.models import (
    ActionState,
    CatalogueCheck,
    DedupAction,
    DedupGroup,
    DuplicateKind,
    GroupKind,
    LoopPlace,
    LoopState,
    PairLink,
    RunStatus,
    SharedLoop,
)
from dedup.services import find_duplicates
from review.services import exclusions
from tests import audio
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory
from tests.fixtures import Catalogue, MakeClient, Worker, upload
from tests.portal.queries import queries_of
from tests.visible_text import faults_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def group() -> DedupGroup:
    """Return a group of two recordings of one file with two ISRCs."""
    bucket = BucketFactory.create(name="Library")
    for title, code in (("Night Drive", "ZZX012600001"), ("NIGHT DRIVE", "ZZX012600002")):
        RecordingFactory.create(
            bucket=bucket,
            title=title,
            isrc=code,
            isrc_normalised=code,
            isrc_status="valid",
            audio_sha256="ab" * 32,
            audio_bytes=10,
        )
    find_duplicates(bucket=bucket)
    return DedupGroup.objects.get()


def copies(digest: str) -> None:
    """Add a group of two recordings of one file, in a bucket of their own."""
    bucket = BucketFactory.create()
    RecordingFactory.create_batch(2, bucket=bucket, audio_sha256=digest * 32, audio_bytes=10)
    find_duplicates(bucket=bucket)


@pytest.fixture
def overlap() -> PairLink:
    """Return two recordings that share fifteen seconds."""
    bucket = BucketFactory.create()
    recording, other_recording = RecordingFactory.create_batch(2, bucket=bucket)
    return PairLink.objects.create(
        one=recording,
        other=other_recording,
        kind=DuplicateKind.OVERLAP,
        runs=[[10_000, 25_000, 40_000, 55_000, 1.0, 0.0, 100.0]],
        coverage_one=0.08,
        coverage_other=0.08,
    )


@pytest.fixture
def loop() -> SharedLoop:
    """Return a loop of eight seconds in three recordings."""
    loop = SharedLoop.objects.create(length_ms=8000)
    for number, recording in enumerate(RecordingFactory.create_batch(3)):
        LoopPlace.objects.create(
            loop=loop, recording=recording, start_ms=number * 1000, end_ms=number * 1000 + 8000
        )
    return loop


def form_of(group: DedupGroup, verb: str, **options: object) -> dict[str, object]:
    members = [member.recording.uid for member in group.members.all()]
    return {
        "verb": verb,
        "version": group.version,
        "seen": members,
        "canonical": members[0],
        **options,
    }


def act(client: Client, group: DedupGroup, data: dict[str, object]) -> str:
    """Post to a group and return the page that follows."""
    address = reverse("portal:duplicate_act", args=[group.uid])
    answer = client.post(address, data, follow=True)
    return str(answer.content.decode())


def test_without_duplicates_the_page_says_what_was_searched(signed_in: MakeClient) -> None:
    RecordingFactory.create_batch(3)

    page = signed_in(Role.VIEWER).get(reverse("portal:duplicates"))

    text = page.content.decode()
    assert "0 open groups among 3 recordings" in text
    # Only a check of the whole catalogue could say that there are none.
    assert "No duplicates found so far" in text
    assert "No check has compared the whole catalogue with itself yet." in text


def test_a_group_shows_its_rule_and_what_differs(signed_in: MakeClient, group: DedupGroup) -> None:
    Recording.objects.update(release_date="2018-05-04")
    runs = [[10_000, 30_000, 40_000, 60_000, 1.0, 0.0, 100.0]]
    PairLink.objects.update(runs=runs)
    client = signed_in(Role.VIEWER)
    address = reverse("portal:duplicate_group", args=[group.uid])

    listing = client.get(reverse("portal:duplicates")).content.decode()
    answer = client.get(address)

    page = answer.content.decode()
    assert "Night Drive" in listing
    assert "Same file" in listing
    assert "it was added earlier" in page
    assert "2 fields differ" in page
    assert 'aria-label="Canonical"' in page
    assert not faults_in(page)
    assert "One sound, 2 ISRCs" in page
    assert "4 May 2018" in page
    assert "2018-05-04" not in page

    # Members play in step.
    member, other_member = answer.context["members"]
    assert (member.step.first_ms, member.step.here_ms) == (0, 0)
    assert {other_member.step.first_ms, other_member.step.here_ms} == {10_000, 40_000}
    assert other_member.step.rate == "1.000000"

    # A viewer may not act; a manager is asked with what merging does.
    assert "Your role may view duplicates" in page
    act_address = reverse("portal:duplicate_act", args=[group.uid])
    assert client.post(act_address, form_of(group, "keep")).status_code == 403
    question = signed_in(Role.MANAGER).get(address).content.decode()
    assert "Merge all into this one?" in question
    assert "The others become aliases of it" in question
    assert 'data-verb="m"' in question[question.index("Merge all into this one?") :]


def test_a_merge_that_changes_a_claim_asks_first(signed_in: MakeClient, group: DedupGroup) -> None:
    recording, other_recording = (member.recording for member in group.members.all())
    match = make_match(recording=recording)
    manager = make_user(Role.MANAGER)
    deciding.confirm(match=match, user=manager, version=match.version)
    exclusions.exclude(
        recording=other_recording, interval=(0, 10_000), reason="ident", user=manager
    )
    client = signed_in(Role.MANAGER)
    form = form_of(group, "merge", canonical=recording.uid)

    answer = client.post(reverse("portal:duplicate_act", args=[group.uid]), form)

    assert not Recording.objects.filter(merged_into__isnull=False).exists()
    assert "Confirmed: Keeps its state; less of it counts" in answer.content.decode()
    back = reverse("portal:duplicate_group", args=[group.uid])
    assert f'href="{back}" data-back' in answer.content.decode()
    act(client, group, form | {"agreed": answer.context["consequences"].mark})
    assert Recording.objects.get(merged_into__isnull=False) == other_recording
    match.refresh_from_db()
    assert match.matched_ms == 15_000


def test_a_manager_merges_and_undoes(
    signed_in: MakeClient, group: DedupGroup, loop: SharedLoop
) -> None:
    client = signed_in(Role.MANAGER)
    second = group.members.get(canonical=False).recording
    loop_page = reverse("portal:duplicate_loop", args=[loop.uid])
    before = client.get(loop_page).content.decode()
    assert "data-next" in before or "data-previous" in before
    assert 'data-verb="z"' not in before

    page = act(client, group, form_of(group, "merge", field_title=second.uid))

    ready = Recording.objects.filter(bucket=second.bucket_id, status=RecordingStatus.READY)
    assert ready.get().title == "NIGHT DRIVE"
    assert "The other ids still lead to it" in page
    for address in (loop_page, reverse("portal:duplicates")):
        assert 'data-verb="z"' in client.get(address).content.decode()

    # An undo leads to the group that is open again.
    action = DedupAction.objects.get()
    answer = client.post(
        reverse("portal:duplicate_settle", args=[action.uid]), {"verb": "undo", "next": loop_page}
    )
    assert answer["Location"] == reverse("portal:duplicate_group", args=[group.uid])
    assert ready.count() == 2
    assert DedupGroup.objects.get().uid == group.uid


def test_an_undo_names_the_files_that_were_scanned_since(
    signed_in: MakeClient, group: DedupGroup
) -> None:
    client = signed_in(Role.MANAGER)
    second = group.members.get(canonical=False).recording
    file = make_match(recording=second).scanned_file
    act(client, group, form_of(group, "merge"))
    ScanFactory.create(scanned_file=file, status="succeeded", started_at=datetime.now(tz=UTC))
    address = reverse("portal:duplicate_settle", args=[DedupAction.objects.get().uid])

    question = client.post(address, {"verb": "undo"}).content.decode()
    still = DedupAction.objects.get().state
    agreed = {"verb": "undo", "knows": "on"}
    text = client.post(address, agreed, follow=True).content.decode()

    named = (
        f"1 file was scanned since then: “{file.name}”. It keeps the matches of that scan until "
        "the undo has scanned it again"
    )
    assert named in question
    assert still == ActionState.DONE
    assert DedupAction.objects.get().state == ActionState.UNDONE
    assert f"Undone. {named}" in text


def test_a_reviewer_proposes_and_a_manager_accepts_on_the_page(
    signed_in: MakeClient, group: DedupGroup
) -> None:
    message = act(signed_in(Role.REVIEWER), group, form_of(group, "merge"))
    assert "Proposed to a manager" in message

    manager = signed_in(Role.MANAGER)
    page = manager.get(reverse("portal:duplicate_group", args=[group.uid]))
    assert "proposes: Merge" in page.content.decode()
    action = DedupAction.objects.get(state=ActionState.PROPOSED)
    manager.post(reverse("portal:duplicate_settle", args=[action.uid]), {"verb": "accept"})

    assert Recording.objects.filter(status=RecordingStatus.READY).count() == 1


def test_what_changed_meanwhile_is_shown_and_nothing_is_done(
    signed_in: MakeClient, group: DedupGroup
) -> None:
    stale = form_of(group, "retire", retire=[])
    RecordingFactory.create(
        bucket=Bucket.objects.get(name="Library"),
        title="Third",
        audio_sha256="ab" * 32,
        audio_bytes=10,
    )
    find_duplicates(bucket=Bucket.objects.get(name="Library"))
    address = reverse("portal:duplicate_act", args=[group.uid])

    answer = signed_in(Role.MANAGER).post(address, stale)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody changed the group in the meantime" in page
    assert "+ Third" in page
    assert not DedupAction.objects.exists()


def test_a_group_is_settled_once_the_form_makes_sense(
    signed_in: MakeClient, group: DedupGroup
) -> None:
    client = signed_in(Role.MANAGER)

    page = act(client, group, form_of(group, "split"))
    assert "Choose at least one recording" in page
    page = act(client, group, form_of(group, "merge", note="n" * 1001))
    assert "at most 1000 characters" in page
    assert "already decided" not in page
    assert not DedupAction.objects.exists()

    act(client, group, form_of(group, "keep"))
    answer = client.get(reverse("portal:duplicate_group", args=[group.uid]), follow=True)
    assert "This group is already decided" in answer.content.decode()
    text = client.get(reverse("portal:duplicates") + "?tab=kept").content.decode()
    assert "Night Drive" in text


def test_a_pair_is_compared_and_kept_apart(signed_in: MakeClient, overlap: PairLink) -> None:
    client = signed_in(Role.MANAGER)
    address = reverse("portal:duplicate_pair", args=[overlap.uid])

    # A segment that is not there shows the nearest.
    for segment in ("2", "0", "x", "²"):
        page = client.get(address, {"segment": segment})
        assert page.context["current"] == 1, segment
    assert "0:10.000 – 0:25.000" in client.get(address).content.decode()

    client.post(reverse("portal:duplicate_pair_keep", args=[overlap.uid]))
    overlap.refresh_from_db()
    assert overlap.kept_at is not None


def test_any_two_recordings_are_compared_on_demand(
    signed_in: MakeClient, catalogue: Catalogue, run_worker: Worker, admin: User
) -> None:
    tune = audio.tune(1, 30)
    add_recording(
        bucket=catalogue.bucket,
        details=Recording(title="A part", custom_id="P"),
        audio=upload("p.wav", audio.wav_bytes(tune[: 20 * audio.RATE])),
        user=admin,
    )
    run_worker()
    client, address = signed_in(Role.VIEWER), reverse("portal:duplicate_compare")

    same = client.get(address, {"a": "T-1", "b": "P"}).content.decode()
    strangers = client.get(address, {"a": "T-1", "b": "T-2"}).content.decode()

    assert "Same recording" in same
    assert "No shared interval found" in strangers


def test_what_cannot_be_compared_is_said(signed_in: MakeClient) -> None:
    RecordingFactory.create(custom_id="X-1")
    RecordingFactory.create(custom_id="X-2")
    client, address = signed_in(Role.VIEWER), reverse("portal:duplicate_compare")

    for other_text, why in (
        ("nothing", "No recording has this id"),
        ("X-1", "the same recording"),
        ("X-2", "no fingerprint"),
    ):
        page = client.get(address, {"a": "X-1", "b": other_text})
        assert why in page.content.decode()


def test_a_loop_is_excluded_everywhere_in_one_step(signed_in: MakeClient, loop: SharedLoop) -> None:
    client = signed_in(Role.MANAGER)
    address = reverse("portal:duplicate_loop", args=[loop.uid])
    page = client.get(address).content.decode()
    assert "0 matches depend on it" in page

    viewer = signed_in(Role.VIEWER)
    assert viewer.post(address, {"verb": "exclude"}).status_code == 403
    Recording.objects.update(duration_ms=1500)
    for fields, why in (
        ({"verb": ""}, ""),
        ({"verb": "exlude"}, ""),
        ({"verb": "exclude"}, "must lie inside the recording"),
        (
            {"verb": "exclude", "note": "x" * 1001},
            "The note has 1001 characters; at most 1000 are allowed.",
        ),
    ):
        answer = client.post(address, fields)
        assert answer.status_code == 409, fields
        assert why in answer.content.decode()
    loop.refresh_from_db()
    assert loop.state == LoopState.OPEN
    assert not Exclusion.objects.exists()

    Recording.objects.update(duration_ms=180_000)
    client.post(address, {"verb": "exclude"})
    again = client.post(address, {"verb": "keep"})
    assert Exclusion.objects.filter(approved=True).count() == 3
    loop.refresh_from_db()
    assert loop.state == LoopState.EXCLUDED
    assert again.status_code == 409


def test_a_reviewer_proposes_to_exclude_a_loop(signed_in: MakeClient, loop: SharedLoop) -> None:
    address = reverse("portal:duplicate_loop", args=[loop.uid])

    signed_in(Role.REVIEWER).post(address, {"verb": "exclude"})

    assert Exclusion.objects.filter(approved=False).count() == 3


def test_many_groups_are_merged_after_a_preview(signed_in: MakeClient, group: DedupGroup) -> None:
    Recording.objects.update(isrc_normalised="")
    client, address = signed_in(Role.MANAGER), reverse("portal:duplicate_bulk")
    merged = Recording.objects.filter(merged_into__isnull=False)

    # An odd version merges nothing, and version families are not offered.
    odd = client.post(address, {"group": [f"{group.uid}:²"]})
    assert odd.status_code == 302
    assert not merged.exists()
    DedupGroup.objects.update(kind=GroupKind.FAMILY)
    assert client.get(address, {"kind": "family"}).context["rows"] == []
    DedupGroup.objects.update(kind=group.kind)

    page = client.get(address, {"kind": "exact_file"}).content.decode()
    client.post(address, {"group": [f"{group.uid}:{group.version}", "g_gone:1"]})

    assert "1 recording would become an alias" in page
    assert merged.count() == 1


def test_a_merge_of_many_asks_no_more_for_more_groups(signed_in: MakeClient) -> None:
    client, address = signed_in(Role.MANAGER), reverse("portal:duplicate_bulk")

    copies("ab")
    few = queries_of(client, address)
    copies("cd")
    copies("ef")

    assert queries_of(client, address) == few


def test_a_check_is_started_watched_and_stopped(signed_in: MakeClient, group: DedupGroup) -> None:
    client = signed_in(Role.MANAGER)
    client.post(reverse("portal:duplicate_check"))
    client.post(reverse("portal:duplicate_check"))
    check = CatalogueCheck.objects.get()

    state = client.get(reverse("portal:duplicate_check_state")).content.decode()
    client.post(reverse("portal:duplicate_check"), {"cancel": check.uid})

    assert "waits for a worker" in state
    check.refresh_from_db()
    assert check.status == RunStatus.CANCELLED


def test_the_report_says_which_identifiers_collide(
    signed_in: MakeClient, group: DedupGroup, overlap: PairLink, loop: SharedLoop
) -> None:
    client = signed_in(Role.REVIEWER)
    # One ISRC on two sounds.
    for _ in range(2):
        RecordingFactory.create(
            isrc_normalised="ZZX012600009", isrc_status="valid", audio_sha256=""
        )

    def content(form: str) -> bytes:
        answer = client.get(reverse("portal:duplicate_report", args=[form]))
        return b"".join(answer)

    rows = list(csv.DictReader(io.StringIO(content("csv").decode("utf-8-sig"))))
    same = json.loads(content("json"))["rows"]
    sheet = openpyxl.load_workbook(io.BytesIO(content("xlsx")))["duplicates"]

    assert [row["kind"] for row in rows] == [
        *["same_sound"] * 2,
        *["pair"] * 2,
        *["shared_loop"] * 3,
        *["isrc_on_several"] * 2,
    ]
    assert rows[0]["collides"] == "isrc"
    assert [row["recording_id"] for row in rows] == [row["recording_id"] for row in same]
    assert sheet.max_row == len(rows) + 1


def test_equal_files_share_their_whole_length_before_it_is_known() -> None:
    bucket = BucketFactory.create()
    for duration in (59_000, 0):
        RecordingFactory.create(
            bucket=bucket, duration_ms=duration, audio_sha256="cd" * 32, audio_bytes=10
        )

    find_duplicates(bucket=bucket)

    assert PairLink.objects.get().runs[0][:4] == [0, 59_000, 0, 59_000]


def test_admin_merges_groups_after_a_preview_and_undoes_it(signed_in: MakeClient) -> None:
    bucket = BucketFactory.create()
    RecordingFactory.create_batch(2, bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10)
    find_duplicates(bucket=bucket)
    group = DedupGroup.objects.get()
    client, address = (signed_in(Role.ADMIN), reverse("admin:dedup_dedupgroup_changelist"))
    chosen = {"action": "merge_groups", ACTION_CHECKBOX_NAME: [group.pk]}

    preview = client.post(address, chosen).content.decode()
    client.post(address, chosen | {"apply": "yes", "group": [f"{group.uid}:{group.version}"]})

    assert "1 recording would become an alias" in preview
    assert Recording.objects.filter(merged_into__isnull=False).count() == 1
    action = DedupAction.objects.get()
    client.post(
        reverse("admin:dedup_dedupaction_changelist"),
        {"action": "undo_actions", ACTION_CHECKBOX_NAME: [action.pk]},
    )
    action.refresh_from_db()
    assert action.state == ActionState.UNDONE
    assert not Recording.objects.filter(merged_into__isnull=False).exists()

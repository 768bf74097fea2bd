"""The ids of merged recordings still resolve: in the API, imports and reports."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from base.accounts.models import User
from catalogue.models import Bucket, Recording
from dedup import actions
from dedup.effects import ActionRequest
from dedup.intake import AlreadyInCatalogue, add_recording
from dedup.models import ActionVerb, DedupAction, DedupGroup
from dedup.services import find_duplicates
from imports.recordings.audio import NoAudio
from imports.recordings.work import make_import
from imports.tables import open_table
from reports import services
from reports.layouts import Layout
from tests.acrapi.conftest import Api
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.fixtures import upload
from tests.reports.reading import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket() -> Bucket:
    bucket = BucketFactory.create()
    for number in ("1", "2"):
        RecordingFactory.create(
            bucket=bucket,
            title=f"Take {number}",
            custom_id=f"ID-{number}",
            audio_sha256="ab" * 32,
            audio_bytes=10,
        )
    find_duplicates(bucket=bucket)
    return bucket


def merge(user: User) -> DedupAction:
    group = DedupGroup.objects.get()
    uids = [member.recording.uid for member in group.members.all()]
    return actions.act_on_group(
        verb=ActionVerb.MERGE,
        group=group,
        user=user,
        version=group.version,
        seen=uids,
        selection=ActionRequest(uids, canonical=uids[0]),
    )


def test_an_old_id_shows_the_recording_that_stands_for_it_and_is_not_free(
    api: Api, bucket: Bucket, manager: User
) -> None:
    first, second = bucket.recordings.order_by("pk")
    merge(manager)

    for name in (second.pk, second.acr_id):
        body = api.get(f"/api/buckets/{bucket.pk}/files/{name}").json()["data"]
        assert body["acr_id"] == first.acr_id
    with pytest.raises(AlreadyInCatalogue, match="Take 1"):
        add_recording(
            bucket=bucket,
            details=Recording(title="New", custom_id="ID-2"),
            audio=upload("a.wav", b"other bytes"),
        )


def test_a_report_shows_what_stands_and_undo_brings_its_rows_back(
    bucket: Bucket, manager: User
) -> None:
    first, second = bucket.recordings.order_by("pk")
    make_match(recording=second)

    def report() -> list[dict[str, str]]:
        report = b"".join(services.stream_report(layout=Layout(), user=manager))
        return rows(report)

    before = report()
    action = merge(manager)
    (merged,) = report()
    actions.undo(action=action, user=manager)

    assert (merged["recording_id"], merged["custom_id"]) == (first.uid, "ID-1")
    assert merged["title"] == "Take 1"
    assert report() == before


def test_an_import_updates_what_stands_and_leaves_its_id(
    bucket: Bucket, manager: User, tmp_path: Path
) -> None:
    merge(manager)
    table = tmp_path / "table.csv"
    table.write_text("custom_id,title,artists,album\nID-2,Take 1,A. Example,Roads\n")

    with (
        open_table(table) as opened,
        make_import(bucket=bucket, table=opened, audio=NoAudio(), user=manager, dry=False) as task,
    ):
        summary = task.run(io.StringIO())

    assert (summary.updated, summary.refused) == (1, 0)
    stands = Recording.objects.get(title="Take 1")
    assert (stands.custom_id, stands.album) == ("ID-1", "Roads")

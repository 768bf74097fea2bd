"""The undo of whole imports: everything goes back, and what cannot is named before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.module_loading import import_string

from base.accounts.models import User
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.changes import update_recording
from catalogue.models import Exclusion, Recording, RecordingStatus
from imports import services
from imports.kinds import all_kinds
from imports.models import Import, ImportStatus
from imports.recordings.kind import RECORDINGS
from imports.results.kind import RESULTS
from review.models import Match
from scanning.models import ScannedFile
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory

pytestmark = pytest.mark.django_db

SCHEDULE = (
    "file_name,station,starts_at,length,series,episode_title\n"
    "fog.wav,Harbour FM,2026-11-03 07:00,0:30:00,Pier Stories,Fog\n"
)


def work_off() -> None:
    while run_next(Pool.WORK) is not None:
        pass


def imported(import_: Import, user: User) -> Import:
    work_off()
    assert services.start(import_=import_, user=user)
    work_off()
    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    return import_


def table(text: str, user: User, bucket: Any) -> Import:  # Any: a bucket
    import_ = services.keep_upload(
        RECORDINGS,
        bucket=bucket,
        table=SimpleUploadedFile("t.csv", text.encode()),
        archive=None,
        encoding="utf-8",
        keep_unknown=False,
        user=user,
    )
    return imported(import_, user)


def undone(import_: Import, user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check the undo and carry it out; return what both say. Any: JSON."""
    assert services.check_undo(import_=import_, user=user)
    work_off()
    import_.refresh_from_db()
    assert import_.status == ImportStatus.UNDO_CHECKED
    before = import_.summary["undo"]
    assert services.undo(import_=import_, user=user)
    work_off()
    import_.refresh_from_db()
    assert import_.status == ImportStatus.UNDONE
    return before, import_.summary["undo"]


def counts(summary: dict[str, Any]) -> tuple[int, int]:  # Any: JSON
    return summary["undone"], summary["kept"]


def test_every_undoer_is_there() -> None:
    for kind in all_kinds():
        for path in kind.undoers.values():
            assert callable(import_string(path))


def test_recordings_get_their_values_back_and_new_ones_are_retired(manager: User) -> None:
    bucket = BucketFactory.create()
    recording, changed = (
        RecordingFactory.create(bucket=bucket, custom_id=name, title="Old", label="A")
        for name in ("K1", "K2")
    )
    import_ = table(
        "custom_id,title,artists,label,audio,exclude\n"
        "K1,New,X,B,,00:00:00.000-00:00:01.000\n"
        "K2,New,X,B,,\n"
        "N1,Added,X,B,https://files.example/a.wav,\n"
        "N2,Decided,X,B,https://files.example/b.wav,\n",
        manager,
        bucket,
    )
    added = Recording.objects.get(custom_id="N2")
    match = make_match(recording=added, state="confirmed", match={"decided_by": manager})
    changed.refresh_from_db()
    update_recording(recording=changed, columns={"title": "Mine"}, user=manager)

    before, after = undone(import_, manager)

    assert counts(before) == counts(after)
    assert before["stays"] == after["stays"]
    (stays,) = after["stays"]
    assert "title" in stays["why"]
    recording.refresh_from_db()
    assert (recording.title, recording.label) == ("Old", "A")
    changed.refresh_from_db()
    assert (changed.title, changed.label) == ("Mine", "A")
    assert Exclusion.objects.get(recording=recording).removed_at is not None
    gone = Recording.objects.filter(custom_id__in=["N1", "N2"])
    assert set(gone.values_list("status", flat=True)) == {RecordingStatus.RETIRED}
    assert "1 match" in after["notes"][0]["why"]
    match.refresh_from_db()
    assert match.state == "confirmed"
    event = Event.objects.filter(action="bucket.import_undone").get()
    assert (event.actor, event.after["kept"]) == (manager, 1)


def test_files_of_results_are_deleted_but_decided_ones_and_scans_stay(manager: User) -> None:
    container = ContainerFactory.create()

    def results(*files: dict[str, Any]) -> Import:  # Any: JSON
        import_ = services.keep_upload(
            RESULTS,
            container=container,
            file=SimpleUploadedFile("d.json", json.dumps({"data": files}).encode()),
            user=manager,
        )
        return imported(import_, manager)

    content: dict[str, Any] = {"music": [], "cover_songs": []}
    base: dict[str, Any] = {"state": -1, "results": None}
    results({"id": "1", "name": "here.mp3", **base})
    import_ = results(
        {"id": "1", "name": "here.mp3", "state": 1, "results": content},
        {"id": "2", "name": "new.mp3", **base},
        {"id": "3", "name": "decided.mp3", **base},
    )
    decided = ScannedFile.objects.get(remote_id="3")
    make_match(scan=decided.scans.get(), state="confirmed", match={"decided_by": manager})

    before, after = undone(import_, manager)

    assert before["stays"] == after["stays"]
    whys = {row["name"]: row["why"] for row in after["stays"]}
    assert any("scans are never removed" in why for why in whys.values())
    assert "People decided 1" in whys["decided.mp3"]
    present = ScannedFile.objects.present().values_list("remote_id", flat=True)
    assert set(present) == {"1", "3"}
    assert Match.objects.count() == 1

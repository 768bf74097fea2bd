"""Assets of works, and assets that the platform merged, find their recordings."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from base.accounts.roles import Role
from catalogue.models import Recording
from catalogue.owners.models import RightsRecording, Work
from imports.undoing.steps import undo_import
from plugins.claims import comparing
from plugins.claims.choices import LinkedBy
from plugins.claims.models import Discrepancy, GroundChange, PlatformAccount, PlatformAsset
from plugins.claims.selectors import fitting_recordings
from plugins.claims.services import link_asset
from plugins.claims.tests.making import ASSET, CLAIM, DAY, make_account, report, run_import
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory

pytestmark = pytest.mark.django_db
ISWC = "T9000000420"
OF_CLAIMS = {**CLAIM, "iswc": ""}
OF_ASSETS = {**ASSET, "constituent_asset_id": ""}


def recording(number: int, **columns: str) -> Recording:
    isrc = f"GBAYE{number:07}"
    return RecordingFactory.create(isrc=isrc, isrc_normalised=isrc, **columns)


def work_of(*recordings: Recording, iswc: str = ISWC) -> Work:
    work = Work.objects.create(title="Harbour lights", iswc=iswc)
    for recording in recordings:
        work.recordings.add(
            RightsRecording.objects.get_or_create(isrc=recording.isrc_normalised)[0]
        )
    return work


def claim_work(**cells: str) -> None:
    """Import a claim of an asset whose ISWC is written with marks."""
    run_import(report([{"iswc": "T-900.000.042-0", **cells}], OF_CLAIMS))


def linked(asset_id: str = "A1") -> tuple[int | None, str]:
    """Compare everything; return the recording of an asset, and how it was found."""
    comparing.compare_account(PlatformAccount.objects.get())
    asset = PlatformAsset.objects.get(asset_id=asset_id)
    return asset.recording_id, asset.linked_by


def test_a_work_leads_to_its_recording_of_which_it_is_no_asset() -> None:
    mine = recording(1)
    work_of(mine)
    claim_work()

    assert linked() == (mine.pk, LinkedBy.CLAIM_ISWC)
    run_import(report([{"asset_type": "COMPOSITION"}], ASSET))
    assert linked() == (mine.pk, LinkedBy.CLAIM_ISWC)
    row = Discrepancy.objects.get(kind="no_reference", state="open", recording=mine)
    assert row.evidence == {"why": "no_asset"}


def test_a_merged_work_and_the_recordings_own_iswc_count_too() -> None:
    first, second = recording(1), recording(2, iswc="T0345246801")
    alias = Work.objects.create(title="Same", iswc=ISWC)
    alias.merged_into = work_of(first, iswc="")
    alias.save()
    claim_work()
    claim_work(claim_id="c2", asset_id="A2", iswc="T-034.524.680-1")

    assert linked("A1") == (first.pk, LinkedBy.CLAIM_ISWC)
    assert linked("A2") == (second.pk, LinkedBy.CLAIM_ISWC)


def test_a_work_with_several_recordings_is_for_a_person() -> None:
    first, second = recording(1), recording(2)
    work_of(first, second)
    claim_work()

    assert linked() == (None, LinkedBy.AMBIGUOUS)
    asset = PlatformAsset.objects.get()
    assert set(fitting_recordings(asset)) == {first, second}
    Recording.objects.filter(pk=second.pk).update(same_sound_as=first)
    assert linked() == (first.pk, LinkedBy.CLAIM_ISWC)


def test_a_recording_is_not_linked_by_its_work() -> None:
    work_of(recording(1))
    assets = {"A1": "SOUND_RECORDING", "A2": "ART_TRACK", "A3": ""}
    for asset_id, asset_type in assets.items():
        isrc = "" if asset_type else "GBAYE0000009"
        claim_work(claim_id=f"c-{asset_id}", asset_id=asset_id, isrc=isrc)
    rows = [{"asset_id": asset, "asset_type": kind} for asset, kind in assets.items()]
    run_import(report(rows, ASSET))

    for asset_id in assets:
        assert linked(asset_id) == (None, LinkedBy.NOTHING), asset_id


def test_merged_assets_have_one_recording() -> None:
    mine = recording(1)
    run_import(report([{"claim_id": "c1", "asset_id": "A7"}]))
    whole = {"asset_id": "A1", "your_isrc": "GBAYE0000001"}
    run_import(report([{**whole, "constituent_asset_id": "A7 | A8"}], OF_ASSETS))

    assert linked("A7") == (mine.pk, LinkedBy.MERGED)
    assert linked("A1") == (mine.pk, LinkedBy.YOUR_ISRC)
    run_import(report([whole], OF_ASSETS), day=DAY + timedelta(days=1))
    assert linked("A7") == (None, LinkedBy.NOTHING)


def test_a_whole_takes_the_recording_of_its_parts() -> None:
    first, second = recording(1), recording(2)
    rows = [
        {"claim_id": "c1", "asset_id": "A7", "isrc": "GBAYE0000001"},
        {"claim_id": "c2", "asset_id": "A8"},
    ]
    run_import(report(rows))
    run_import(report([{"constituent_asset_id": "A7|A8"}], OF_ASSETS))
    assert linked("A1") == (first.pk, LinkedBy.MERGED)

    part = PlatformAsset.objects.get(asset_id="A8")
    link_asset(asset=part, recording=second, user=make_user(Role.MANAGER))

    assert linked("A1") == (None, LinkedBy.AMBIGUOUS)


def test_an_undone_report_of_assets_parts_them_again() -> None:
    recording(1)
    run_import(report([{"claim_id": "c1", "asset_id": "A7"}]))
    cells = {"your_isrc": "GBAYE0000001", "constituent_asset_id": "A7"}
    import_ = run_import(report([cells], OF_ASSETS))
    assert linked("A7")[1] == LinkedBy.MERGED

    undo_import(import_.uid, user=make_user(Role.MANAGER), dry=False)

    assert linked("A7") == (None, LinkedBy.NOTHING)
    assert not PlatformAsset.objects.exclude(constituents="").exists()


def test_following_a_recording_links_the_same_as_comparing_everything() -> None:
    rng = random.Random(7)  # noqa: S311  # no secret
    run_import(
        report(
            [
                {"claim_id": "c1", "asset_id": "A7"},
                {"claim_id": "c2", "asset_id": "A2", "iswc": ISWC},
            ],
            OF_CLAIMS,
        )
    )
    cells = {"your_isrc": "GBAYE0000001", "constituent_asset_id": "A7"}
    run_import(report([cells], OF_ASSETS))
    linked()
    rows = PlatformAsset.objects.order_by("pk").values_list("recording", "linked_by")
    mine, other_recording = recording(1), recording(2)
    work = work_of(other_recording)
    for _step in range(6):
        for claim in (mine, other_recording):
            isrc = rng.choice([f"GBAYE{n:07}" for n in (1, 2, 3)])
            iswc = rng.choice(["", ISWC])
            named = {"isrc": isrc, "isrc_normalised": isrc, "iswc": iswc}
            Recording.objects.filter(pk=claim.pk).update(**named)
            GroundChange.objects.create(ground="recording", subject=claim.pk)
        comparing.follow_changes(list(GroundChange.objects.all()))
        followed = list(rows)
        comparing.compare_account(make_account())
        assert followed == list(rows)
    assert work.recordings.count() == 1

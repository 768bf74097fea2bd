"""Rights follow recordings that people merge, split and take apart again."""

from __future__ import annotations

import pytest

from base.accounts.models import User
from base.common.zones import office_day
from catalogue.models import Bucket, CodeStatus, Recording
from catalogue.owners.choices import Right, ShareKind
from catalogue.owners.models import Party, RightsRecording, Share, Work
from catalogue.owners.records import catalogue_recordings
from catalogue.owners.selectors import rights_of
from dedup import actions
from dedup.models import ActionVerb
from dedup.services import find_duplicates
from plugins.rights.filling import fill_recordings
from review.models import Match
from tests.dedup.test_actions import act, by_title
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket() -> Bucket:
    """Return a bucket with three recordings of one sound."""
    bucket = BucketFactory.create()
    for title in ("First", "Second", "Third"):
        RecordingFactory.create(bucket=bucket, title=title, audio_sha256="ab" * 32)
    find_duplicates(bucket=bucket)
    return bucket


def owners(match: Match) -> set[str]:
    recording = Match.objects.get(pk=match.pk).recording
    return {str(row.party) for row in rights_of(recording, day=office_day()).owners}


def test_the_rights_of_a_match_follow_merges_splits_and_undo(bucket: Bucket, manager: User) -> None:
    """Each recording has an ISRC of its own, and its owner."""
    for number, title in enumerate(("First", "Second", "Third")):
        code = f"QZAA0260000{number}"
        Recording.objects.filter(title=title).update(
            isrc=code, isrc_normalised=code, isrc_status=CodeStatus.VALID
        )
        sound = RightsRecording.objects.create(isrc=code)
        Share.objects.create(
            recording=sound,
            party=Party.objects.create(name=f"Owner {title}", is_ours=title == "Third"),
            right=Right.MASTER,
            kind=ShareKind.OWNERSHIP,
            percent=10,
        )
    matches = [make_match(recording=by_title(title)) for title in ("First", "Second")]

    second, third = by_title("Second").uid, by_title("Third").uid
    act(ActionVerb.MERGE, manager, "Second", "Third", fields={"isrc": third})
    action = act(ActionVerb.MERGE, manager, "First", "Second", fields={"isrc": second})
    assert by_title("First").isrc == "QZAA02600002"
    for match in matches:
        assert owners(match) == {"Owner First", "Owner Second", "Owner Third"}
    assert by_title("First").computed_share_pct == 10
    standing = catalogue_recordings(RightsRecording.objects.get(isrc="QZAA02600000"))
    assert list(standing) == [by_title("First")]

    actions.undo(action=action, user=manager)
    assert owners(matches[0]) == {"Owner First"}
    assert owners(matches[1]) == {"Owner Second", "Owner Third"}
    assert by_title("First").computed_share_pct is None
    act(ActionVerb.SPLIT, manager, "Second")
    assert owners(matches[1]) == {"Owner Second"}
    assert by_title("Second").isrc == "QZAA02600001"


def test_a_merged_recording_names_the_writers_of_all_its_works_until_an_undo(
    bucket: Bucket, manager: User
) -> None:
    for name in ("First", "Second"):
        sound = RightsRecording.objects.create(recording=by_title(name))
        work = Work.objects.create(title=name)
        work.recordings.add(sound)
        writer = Party.objects.create(name=f"Writer of {name}")
        Share.objects.create(work=work, party=writer, role="CA", right=Right.PERFORMING)
        fill_recordings([sound])

    action = act(ActionVerb.MERGE, manager, "First", "Second")
    assert by_title("First").writers == ["Writer of First", "Writer of Second"]
    fill_recordings(RightsRecording.objects.all())

    actions.undo(action=action, user=manager)
    assert by_title("First").writers == ["Writer of First"]
    assert by_title("Second").writers == ["Writer of Second"]

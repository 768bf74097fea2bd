"""People limited to some buckets read that "no match" concerns only those buckets."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording
from reports.models import ReportRun
from review.models import Match
from review.services.folding import fold_scan
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from tests.factories.accounts import make_limited, make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, make_detection

pytestmark = pytest.mark.django_db

IN_YOURS = "No match in your buckets"


@dataclass
class Desk:
    """A match in a bucket hidden from the person, and a recording in a visible bucket."""

    hidden: Match
    own: Recording
    client: Client
    everyone: Client

    @property
    def file(self) -> ScannedFile:
        return self.hidden.scanned_file

    def page(self, name: str, *args: object) -> str:
        return self.client.get(reverse(name, args=args)).content.decode()

    def file_page(self) -> str:
        return self.page("portal:file_detail", self.file.uid)


def rows(client: Client, name: str) -> list[dict[str, str]]:
    answer = client.post(reverse(name))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]  # streamed
    return list(csv.DictReader(text.splitlines()))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk() -> Desk:
    """Return a file whose only match is in another desk's bucket."""
    other_match, own = make_match(), RecordingFactory.create()
    other_match.scanned_file.container.buckets.add(other_match.recording.bucket)
    return Desk(
        other_match,
        own,
        client=signed_in(make_limited(Role.REVIEWER, buckets=[own.bucket_id])),
        everyone=signed_in(make_user(Role.REVIEWER)),
    )


def test_no_match_on_the_page_of_a_file_concerns_ones_own_buckets(desk: Desk) -> None:
    scan = desk.hidden.scan
    url = reverse("portal:file_detail", args=[desk.file.uid])
    page = desk.file_page()
    assert IN_YOURS in page
    assert "No match</" not in page
    assert desk.hidden.recording.title not in page

    # No hole shows where another bucket matched.
    before = scan.unmatched
    scan.unmatched = [
        {"start_ms": 0, "end_ms": 70_000, "kind": "no_match"},
        {"start_ms": 90_000, "end_ms": 500_000, "kind": "no_match"},
        {"start_ms": 500_000, "end_ms": 600_000, "kind": "silence"},
    ]
    scan.save()
    lanes = desk.client.get(url).context["ribbon"].facts
    whole = desk.everyone.get(url)
    text = whole.content.decode()
    assert [(box.start_ms, box.end_ms) for box in lanes[0].boxes] == [(0, 500_000)]
    assert [lane.name for lane in lanes] == [IN_YOURS, "Silence"]
    assert [len(lane.boxes) for lane in whole.context["ribbon"].facts] == [2, 1]
    assert desk.hidden.recording.title in text
    assert "your buckets" not in text

    scan.unmatched = before
    scan.save()
    # One's own buckets match, too.
    make_detection((0, 60_000, 0, 60_000), scan=scan, recording=desk.own)
    fold_scan(scan=scan)
    page = desk.file_page()
    assert desk.own.title in page
    assert f"{IN_YOURS} 90" in page
    summary = desk.client.get("/reports/?mode=file&show=all").content.decode()
    assert "in the buckets that whoever ran this report may see" in summary

    # A rescan that changed nothing in one's own buckets says so.
    hidden = desk.hidden.recording
    rescanned = make_match(recording=hidden).scanned_file
    again = ScanFactory.create(scanned_file=rescanned)
    make_detection((0, 9_000, 0, 9_000), scan=again, recording=hidden)
    page = desk.page("portal:file_detail", rescanned.uid)
    assert "Neither scan found a recording in your buckets." in page


def test_lists_say_that_they_count_in_ones_own_buckets(desk: Desk) -> None:
    message = "matches counted in your buckets"
    assert message in desk.page("portal:file_list")
    assert message not in desk.everyone.get("/files/").content.decode()

    containers = desk.page("portal:container_list")
    assert "none of your buckets" in containers
    assert "nothing can match" not in containers
    assert desk.hidden.recording.bucket.name not in containers

    assert "1 file with no match in your buckets" in desk.page("portal:reports")
    url = f"/api/portal/v1/files/{desk.file.uid}/"
    body, whole = desk.client.get(url).json(), desk.everyone.get(url).json()
    assert (body["match_count"], body["message"]) == (0, f"{IN_YOURS}.")
    assert (whole["match_count"], whole["message"]) == (1, "")


def test_a_file_without_any_match_names_ones_own_buckets_alone(desk: Desk) -> None:
    near = {"score": "40.0", "reason": "too short", "start_ms": 0, "end_ms": 9_000}
    searched = [desk.own.bucket, desk.hidden.recording.bucket]
    scan = ScanFactory.create(
        scanned_file__status=FileStatus.NO_MATCH,
        no_match_reason="below_floor",
        buckets=[{"id": bucket.pk, "name": bucket.name} for bucket in searched],
        unmatched=[
            {
                "start_ms": 0,
                "end_ms": 9_000,
                "kind": "no_match",
                "candidate": {**near, "recording_id": desk.hidden.recording_id},
            }
        ],
    )

    page = desk.page("portal:file_detail", scan.scanned_file.uid)

    assert desk.own.bucket.name in page
    assert desk.hidden.recording.bucket.name not in page
    assert desk.hidden.recording.title not in page
    assert "No candidate in your buckets came close." in page


def test_reports_and_cue_sheets_say_of_which_buckets_they_tell(desk: Desk) -> None:
    for name in ("portal:match_export", "portal:file_export"):
        [row] = rows(desk.client, name)
        [whole] = rows(desk.everyone, name)
        assert row["match_found"] == "no"
        assert row["notes"] == "in the buckets that whoever ran this report may see"
        assert (whole["match_found"], whole["notes"]) == ("yes", "")

    # The manifest says it of rows that have no notes.
    layout = {"mode": "segment", "format": "csv"}
    b"".join(desk.client.post(reverse("portal:reports"), layout))
    run = ReportRun.objects.latest("pk")
    body = desk.everyone.get(reverse("portal:report_manifest", args=[run.uid])).json()
    assert body["rows"]["match_found"] == {"no": 1}
    assert body["rows"]["within"].startswith("in the buckets that whoever ran")

    # A cue sheet leaves no hole where another bucket matched.
    url = reverse("portal:cue_sheet_csv", args=[desk.file.uid])
    sheet = desk.client.get(url).content.decode("utf-8-sig")
    [cue] = csv.DictReader(sheet.splitlines())
    assert (cue["time_in"], cue["time_out"]) == ("00:01:10.000", "00:01:30.000")
    assert (cue["status"], cue["title"], cue["match_id"]) == ("unknown", "", "")

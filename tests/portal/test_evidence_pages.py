"""Evidence pack pages: who may request and download packs, and their content."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from reports.evidence import services, signing
from reports.evidence.models import EvidencePack, PackStatus
from review.models import Match
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def match(db: None) -> Match:
    return make_match()


@pytest.fixture
def key(db: None) -> signing.PublicKey:
    return signing.create_key()


def address(match: Match) -> str:
    return reverse("portal:evidence", args=[match.uid])


def test_a_reviewer_asks_for_a_pack_and_sees_it_through(
    match: Match, key: signing.PublicKey, signed_in: MakeClient
) -> None:
    client = signed_in(Role.REVIEWER)
    answer = client.post(address(match), {"reference_clips": "on"})
    waiting = client.get(address(match)).content.decode()
    pack = EvidencePack.objects.get(match=match)
    run_next(Pool.WORK)
    pack.refresh_from_db()

    page = client.get(address(match)).content.decode()
    review = client.get(match.review_url).content.decode()

    assert answer.status_code == 302
    assert "Waiting for a free worker" in waiting
    assert pack.status == PackStatus.READY
    assert pack.with_reference_clips
    for text in (page, review):
        assert pack.sha256 in text
        assert reverse("portal:evidence_zip", args=[pack.uid]) in text


def test_a_viewer_takes_packs_away_but_asks_for_none(
    match: Match, key: signing.PublicKey, signed_in: MakeClient
) -> None:
    pack = services.request_pack(match=match, user=make_user(Role.REVIEWER))
    run_next(Pool.WORK)
    pack.refresh_from_db()
    client = signed_in(Role.VIEWER)
    download = reverse("portal:evidence_zip", args=[pack.uid])

    taken = client.get(download)
    refused = client.post(address(match), {})
    page = client.get(address(match)).content.decode()

    content = taken.getvalue()
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert pack.file_name in taken["Content-Disposition"]
    assert refused.status_code == 403
    assert "Build evidence" not in page
    event = Event.objects.get(case=pack.case, action="evidence.downloaded")
    assert event.actor is not None

    # The page says since when a pack is outdated, and in what.
    deciding.confirm(match=match, user=make_user(Role.MANAGER), version=match.version)
    while run_next(Pool.WORK):
        pass
    page = client.get(address(match)).content.decode()
    assert "Ready, but outdated" in page
    assert "The match is confirmed now." in page
    assert "handed over" in page
    assert pack.sha256 in page
    assert "outdated since" in client.get(match.review_url).content.decode()

    # A file that is gone from the disk is missed.
    pack.file.storage.delete(str(pack.file.name))
    gone = client.get(download, follow=True)
    assert "is no longer on the disk" in gone.content.decode()


def test_without_a_key_the_page_says_how_to_make_one(match: Match, signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    page = client.get(address(match)).content.decode()
    question = client.post(address(match), {}, follow=True).content.decode()

    assert "create_signing_key" in page
    assert "create_signing_key" in question
    assert not EvidencePack.objects.exists()


def test_a_pack_that_waits_can_be_cancelled_and_not_taken(
    match: Match, key: signing.PublicKey, signed_in: MakeClient
) -> None:
    client = signed_in(Role.REVIEWER)
    client.post(address(match), {})
    pack = EvidencePack.objects.get()

    jobs = client.get(reverse("portal:jobs"), {"state": "waiting"})
    early = client.get(reverse("portal:evidence_zip", args=[pack.uid]))
    client.post(reverse("portal:evidence_cancel", args=[pack.uid]))
    again = client.post(
        reverse("portal:evidence_cancel", args=[pack.uid]), follow=True
    ).content.decode()

    pack.refresh_from_db()
    assert address(match) in jobs.content.decode()
    assert early.status_code == 404
    assert pack.status == PackStatus.CANCELLED
    assert "no longer being built" in again


def test_the_admin_asks_and_then_builds_for_the_selection(
    key: signing.PublicKey, signed_in: MakeClient
) -> None:
    first, second = make_match(), make_match()
    client = signed_in(Role.ADMIN)
    chosen = {"action": "build_evidence", "_selected_action": [first.pk, second.pk], "index": 0}
    changelist = reverse("admin:review_match_changelist")

    question = client.post(changelist, chosen).content.decode()
    begun_early = EvidencePack.objects.exists()
    client.post(changelist, chosen | {"apply": "yes"})
    again = client.post(changelist, chosen | {"apply": "yes"}, follow=True)

    assert "Build evidence: 2 matches" in question
    assert not begun_early
    packs = EvidencePack.objects.all()
    assert {pack.match_id for pack in packs} == {first.pk, second.pk}
    assert not any(pack.with_reference_clips for pack in packs)
    assert "is already being built" in again.content.decode()
    packs_page = client.get(reverse("admin:reports_evidencepack_changelist"))
    assert first.recording.title in packs_page.content.decode()
    assert (
        client.get(reverse("admin:reports_evidencepack_change", args=[packs[0].pk])).status_code
        == 200
    )

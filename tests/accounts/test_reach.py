"""People of limited groups see their containers and buckets, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AccessLimit, User
from accounts.reach import is_limited, refuse_limited, working_for
from accounts.roles import Role
from audit.models import Event
from catalogue.models import Bucket, Recording
from dedup.models import CatalogueCheck, RunStatus
from portal.uploads.forms import UploadForm
from review.models import Match
from scanning.models import Container, Detection, ScannedFile, Segment
from tests.factories.accounts import confirm, make_user
from tests.factories.review import make_match

pytestmark = pytest.mark.django_db


@dataclass
class Desk:
    """A visible match, a hidden match, and the person with the access limit."""

    own: Match
    other: Match
    user: User


@pytest.fixture
def desk() -> Desk:
    """Return a reviewer limited to one of two containers and one of two buckets."""
    own, other = make_match(), make_match()
    user = make_user(Role.REVIEWER)
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(
        group=group,
        containers=[own.scanned_file.container_id],
        buckets=[own.recording.bucket_id],
    )
    user.groups.add(group)
    return Desk(own, other, User.objects.get(pk=user.pk))


@pytest.mark.parametrize(
    "model", [Bucket, Container, Recording, ScannedFile, Detection, Segment, Match]
)
def test_each_model_shows_what_lies_within_reach(
    desk: Desk, model: type[Match]
) -> None:
    everything = model.objects.count()
    lazy = model.objects.all()

    with working_for(desk.user):
        assert model.objects.count() < everything
        assert len(lazy) == model.objects.count()
        with working_for(None):
            assert model.objects.count() == everything
    assert model.objects.count() == everything


def test_the_way_by_either_side_is_closed(desk: Desk) -> None:
    crossing = make_match(
        recording=desk.own.recording, scan__scanned_file=desk.other.scanned_file
    )

    with working_for(desk.user):
        assert list(Match.objects.all()) == [desk.own]
        assert not desk.own.recording.matches.filter(pk=crossing.pk).exists()
        assert not Match.objects.filter(pk=crossing.pk).update(priority=9)


def test_forms_offer_what_lies_within_reach(desk: Desk) -> None:
    with working_for(desk.user):
        offered = list(UploadForm().fields["container"].queryset)  # type: ignore[attr-defined]  # a choice of rows

    assert offered == [desk.own.scanned_file.container]


def test_limits_of_several_groups_add_up(desk: Desk) -> None:
    second = Group.objects.create(name="Second desk")
    AccessLimit.objects.create(group=second, buckets=[desk.other.recording.bucket_id])
    desk.user.groups.add(second)

    with working_for(desk.user):
        recordings = set(Recording.objects.all())
        files = list(ScannedFile.objects.all())

    assert recordings == {desk.own.recording, desk.other.recording}
    assert files == [desk.own.scanned_file]


def test_an_empty_limit_shows_nothing(desk: Desk) -> None:
    AccessLimit.objects.update(containers=[])

    with working_for(desk.user):
        assert not ScannedFile.objects.exists()


def test_admins_see_everything(desk: Desk) -> None:
    admin = make_user(Role.ADMIN)
    admin.groups.add(Group.objects.get(name="Desk"))

    with working_for(User.objects.get(pk=admin.pk)):
        assert Match.objects.count() == 2


def test_what_reaches_everywhere_is_refused(desk: Desk) -> None:
    assert is_limited(desk.user)
    with pytest.raises(PermissionDenied):
        refuse_limited(desk.user)

    refuse_limited(make_user(Role.MANAGER))


def test_a_page_and_a_streamed_report_are_limited(desk: Desk) -> None:
    client = Client()
    client.force_login(desk.user)

    queue = client.get("/queue/").content.decode()
    report = client.post("/matches/export/?format=csv")
    other = client.get(desk.other.review_url)
    lines = b"".join(report.streaming_content).decode()  # type: ignore[attr-defined]  # streamed

    assert desk.own.recording.title in queue
    assert desk.other.recording.title not in queue
    assert desk.own.uid in lines
    assert desk.other.uid not in lines
    assert other.status_code == 404
    assert Match.objects.count() == 2


def test_when_the_catalogue_was_checked_is_told_to_everybody(desk: Desk) -> None:
    client = Client()
    client.force_login(desk.user)
    before = client.get("/duplicates/").content.decode()

    CatalogueCheck.objects.create(
        requested_by=make_user(Role.ADMIN),
        status=RunStatus.DONE,
        finished_at=datetime.now(tz=UTC),
    )

    page = client.get("/duplicates/").content.decode()
    assert "never fully checked" in before
    assert "last check" in page
    with working_for(desk.user):
        assert not CatalogueCheck.objects.exists()


def test_an_admin_limits_a_group_on_its_page(desk: Desk) -> None:
    client = Client()
    client.force_login(make_user(Role.ADMIN))
    confirm(client)
    fields = {
        "name": "Night desk",
        "limit-TOTAL_FORMS": "1",
        "limit-INITIAL_FORMS": "0",
        "limit-0-limits_buckets": "on",
        "limit-0-buckets": [desk.other.recording.bucket_id],
    }

    page = client.get("/admin/auth/group/add/")
    added = client.post("/admin/auth/group/add/", fields)

    assert "Only the buckets below" in page.content.decode()
    assert added.status_code == 302, added.context["errors"]
    limit = AccessLimit.objects.get(group__name="Night desk")
    assert limit.containers is None
    assert limit.buckets == [desk.other.recording.bucket_id]
    event = Event.objects.get(action="group.created")
    assert event.after["buckets"] == limit.buckets


def test_a_role_keeps_its_name_and_cannot_be_deleted(desk: Desk) -> None:
    client = Client()
    client.force_login(make_user(Role.ADMIN))
    confirm(client)
    viewer = Group.objects.get(name="viewer")

    client.post(
        f"/admin/auth/group/{viewer.pk}/change/",
        {"name": "boss", "limit-TOTAL_FORMS": "0", "limit-INITIAL_FORMS": "0"},
    )
    deleted = client.post(f"/admin/auth/group/{viewer.pk}/delete/", {"post": "yes"})

    assert deleted.status_code == 403
    assert Group.objects.filter(name="viewer").exists()

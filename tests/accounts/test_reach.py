"""People of limited groups see their containers and buckets, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.test import Client

from base.accounts.models import AccessLimit, User
from base.accounts.reach import is_limited, refuse_limited, working_for
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Bucket, Recording
from dedup.models import CatalogueCheck, RunStatus
from review.models import Match
from scanning.models import Container, Detection, ScannedFile, Segment
from tests.factories.accounts import confirm, make_user
from tests.factories.review import make_match
from web.portal.uploads.forms import UploadForm

pytestmark = pytest.mark.django_db


@dataclass
class Desk:
    """A visible match, a hidden match, and the person with the access limit."""

    own: Match
    hidden: Match
    user: User


@pytest.fixture
def desk() -> Desk:
    """Return a reviewer limited to one of two containers and one of two buckets."""
    own, other_match = make_match(), make_match()
    user = make_user(Role.REVIEWER)
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(
        group=group, containers=[own.scanned_file.container_id], buckets=[own.recording.bucket_id]
    )
    user.groups.add(group)
    return Desk(own, other_match, User.objects.get(pk=user.pk))


def test_each_model_shows_what_lies_within_reach(desk: Desk) -> None:
    models: tuple[type[Model], ...] = (
        *(Bucket, Container, Recording, ScannedFile, Detection, Segment, Match),
    )
    for model in models:
        rows = model._default_manager
        everything = rows.count()
        lazy = rows.all()
        with working_for(desk.user):
            assert rows.count() < everything, model
            assert len(lazy) == rows.count()
            with working_for(None):
                assert rows.count() == everything
        assert rows.count() == everything

    # The way by either side is closed.
    crossing = make_match(recording=desk.own.recording, scan__scanned_file=desk.hidden.scanned_file)
    with working_for(desk.user):
        assert list(Match.objects.all()) == [desk.own]
        assert not desk.own.recording.matches.filter(pk=crossing.pk).exists()
        assert not Match.objects.filter(pk=crossing.pk).update(priority=9)


def test_limits_add_up_and_hold_in_forms_but_not_for_admins(desk: Desk) -> None:
    assert is_limited(desk.user)
    with pytest.raises(PermissionDenied):
        refuse_limited(desk.user)
    refuse_limited(make_user(Role.MANAGER))
    with working_for(desk.user):
        offered = list(UploadForm().fields["container"].queryset)  # type: ignore[attr-defined]  # a choice of rows
    assert offered == [desk.own.scanned_file.container]

    second = Group.objects.create(name="Second desk")
    AccessLimit.objects.create(group=second, buckets=[desk.hidden.recording.bucket_id])
    desk.user.groups.add(second)
    with working_for(User.objects.get(pk=desk.user.pk)):
        recordings = set(Recording.objects.all())
        files = list(ScannedFile.objects.all())
    assert recordings == {desk.own.recording, desk.hidden.recording}
    assert files == [desk.own.scanned_file]

    admin = make_user(Role.ADMIN)
    admin.groups.add(Group.objects.get(name="Desk"))
    with working_for(User.objects.get(pk=admin.pk)):
        assert Match.objects.count() == 2

    # An empty limit shows nothing.
    AccessLimit.objects.filter(group__name="Desk").update(containers=[])
    with working_for(User.objects.get(pk=desk.user.pk)):
        assert not ScannedFile.objects.exists()


def test_pages_and_a_streamed_report_are_limited(desk: Desk) -> None:
    client = Client()
    client.force_login(desk.user)

    queue = client.get("/queue/").content.decode()
    report = client.post("/matches/export/?format=csv")
    other_answer = client.get(desk.hidden.review_url)
    lines = b"".join(report.streaming_content).decode()  # type: ignore[attr-defined]  # streamed
    assert desk.own.recording.title in queue
    assert desk.hidden.recording.title not in queue
    assert desk.own.uid in lines
    assert desk.hidden.uid not in lines
    assert other_answer.status_code == 404
    assert Match.objects.count() == 2

    # When the catalogue was checked is told to everybody.
    assert "never fully checked" in client.get("/duplicates/").content.decode()
    CatalogueCheck.objects.create(
        requested_by=make_user(Role.ADMIN), status=RunStatus.DONE, finished_at=datetime.now(tz=UTC)
    )
    assert "last check" in client.get("/duplicates/").content.decode()
    with working_for(desk.user):
        assert not CatalogueCheck.objects.exists()


def test_an_admin_limits_a_group_on_its_page_and_deletes_no_role(desk: Desk) -> None:
    client = Client()
    client.force_login(make_user(Role.ADMIN))
    confirm(client)
    fields = {
        "name": "Night desk",
        "limit-TOTAL_FORMS": "1",
        "limit-INITIAL_FORMS": "0",
        "limit-0-limits_buckets": "on",
        "limit-0-buckets": [desk.hidden.recording.bucket_id],
    }

    page = client.get("/admin/auth/group/add/")
    added = client.post("/admin/auth/group/add/", fields)

    assert "Only the buckets below" in page.content.decode()
    assert added.status_code == 302, added.context["errors"]
    limit = AccessLimit.objects.get(group__name="Night desk")
    assert limit.containers is None
    assert limit.buckets == [desk.hidden.recording.bucket_id]
    event = Event.objects.get(action="group.created")
    assert event.after["buckets"] == limit.buckets

    # A role keeps its name and cannot be deleted.
    viewer = f"/admin/auth/group/{Group.objects.get(name='viewer').pk}"
    client.post(
        f"{viewer}/change/", {"name": "boss", "limit-TOTAL_FORMS": "0", "limit-INITIAL_FORMS": "0"}
    )
    deleted = client.post(f"{viewer}/delete/", {"post": "yes"})
    assert deleted.status_code == 403
    assert Group.objects.filter(name="viewer").exists()

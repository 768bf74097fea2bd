"""Buckets and recordings in the admin: the same rules and events as everywhere."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.identifiers import CheckedIsrc, check_isrc
from catalogue.models import Recording
from tests.factories.accounts import confirm
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def page_of(recording: Recording) -> str:
    return reverse("admin:catalogue_recording_change", args=[recording.pk])


def test_a_bucket_keeps_its_type_and_each_change_is_one_event(signed_in: MakeClient) -> None:
    bucket = BucketFactory.create(name="Library")
    page = reverse("admin:catalogue_bucket_change", args=[bucket.pk])
    sent = {"name": "Library", "bucket_type": "DedupFile", "intake_rule": "reject"}

    signed_in(Role.MANAGER).post(page, {**sent, "search_earlier": "on"})
    signed_in(Role.MANAGER).post(page, {**sent, "search_earlier": "on"})

    bucket.refresh_from_db()
    assert (bucket.bucket_type, bucket.intake_rule) == ("File", "reject")
    assert bucket.search_earlier
    event = Event.objects.get(case=f"bucket:{bucket.pk}")
    assert event.before == {"intake_rule": "ask", "search_earlier": False}
    assert event.after == {"intake_rule": "reject", "search_earlier": True}


def test_editing_a_recording_leaves_what_a_worker_writes(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = RecordingFactory.create(title="Before", status="processing")
    client = signed_in(Role.MANAGER)

    def ends_meanwhile(isrc: str) -> CheckedIsrc:
        Recording.objects.filter(pk=recording.pk).update(status="ready")
        return check_isrc(isrc)

    monkeypatch.setattr("web.portal.catalogue.forms.check_isrc", ends_meanwhile)
    client.post(page_of(recording), {"title": "After", "isrc": "ZZX012600001"})

    recording.refresh_from_db()
    assert (recording.title, recording.status) == ("After", "ready")
    assert recording.isrc_normalised == "ZZX012600001"


def test_a_form_that_was_open_meanwhile_says_what_changed_and_keeps_the_input(
    signed_in: MakeClient,
) -> None:
    recording = RecordingFactory.create(title="Before", artists=["A"], label="One")
    client = signed_in(Role.MANAGER)
    opened = client.get(page_of(recording)).context["as_shown"]
    other_client = signed_in(Role.MANAGER)
    other_client.post(page_of(recording), {"title": "Theirs", "artists": "A", "label": "One"})
    mine = {"title": "Before", "artists": "A\r\nB", "label": "Two"}

    answer = client.post(page_of(recording), {**mine, "as_shown": opened})

    page = answer.content.decode()
    assert "changed this while your form was open, so nothing was saved." in page
    assert "Title: Theirs" in page
    assert "Label" not in str(answer.context["errors"])
    assert 'value="Two"' in page
    recording.refresh_from_db()
    assert (recording.title, recording.label) == ("Theirs", "One")

    again = {**mine, "as_shown": answer.context["as_shown"]}
    assert client.post(page_of(recording), again).status_code == 302
    recording.refresh_from_db()
    assert (recording.title, recording.artists) == ("Before", ["A", "B"])


def test_a_group_whose_limits_changed_meanwhile_is_not_overwritten(signed_in: MakeClient) -> None:
    bucket = BucketFactory.create()
    group = Group.objects.create(name="Desk")
    limit = AccessLimit.objects.create(group=group)
    client = signed_in(Role.ADMIN)
    confirm(client)
    page = reverse("admin:auth_group_change", args=[group.pk])
    opened = client.get(page).context["as_shown"]
    AccessLimit.objects.filter(pk=limit.pk).update(buckets=[bucket.pk])

    answer = client.post(
        page,
        {
            "name": "Desk",
            "as_shown": opened,
            "limit-TOTAL_FORMS": "1",
            "limit-INITIAL_FORMS": "1",
            "limit-0-id": limit.pk,
            "limit-0-group": group.pk,
        },
    )

    assert "while your form was open" in answer.content.decode()
    limit.refresh_from_db()
    assert limit.buckets == [bucket.pk]

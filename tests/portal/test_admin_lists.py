"""The admin's lists and what leads on from them: counts, actions, pages, people."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Recording
from review.choices import QueueReason
from review.models import Licence, Match
from scanning.models import Detection, InboundCallback, Scan, ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.fixtures import MakeClient
from tests.visible_text import visible_text

pytestmark = pytest.mark.django_db


def address(model: type[Model], page: str, *args: object) -> str:
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def test_screens_count_what_was_found_and_lead_to_pages_that_may_be_opened(
    signed_in: MakeClient,
) -> None:
    recording = RecordingFactory.create(title="Harbour lights")
    licence = make_licence(recordings=[recording])
    viewer, manager = signed_in(Role.VIEWER), signed_in(Role.MANAGER)

    whole = viewer.get(address(Recording, "changelist"))
    answer = viewer.get(address(Recording, "changelist"), {"q": "Harbour"})
    assert "Show all" not in whole.content.decode()
    assert "1 result (" in visible_text(answer.content.decode())

    page = reverse("portal:recording_detail", args=[recording.uid])
    for client in (viewer, manager):
        of_licence = client.get(address(Licence, "change", licence.pk)).content.decode()
        of_recording = client.get(address(Recording, "change", recording.pk))
        assert (f'href="{licence.url}"' in of_licence) == (client is manager)
        assert f'href="{page}"' in of_recording.content.decode()


def test_detections_come_newest_first_and_lead_to_their_match_and_decision(
    signed_in: MakeClient, ana: User
) -> None:
    older, newer = make_match(), make_match()
    deciding.reject(match=older, user=ana, reason="noise")
    client = signed_in(Role.VIEWER)

    page = client.get(address(Detection, "changelist")).content.decode()

    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[-2:]
    assert address(Match, "change", newer.pk) in rows[0]
    assert address(Match, "change", older.pk) in rows[1]
    assert "Rejected" in rows[1]
    assert "ana" in visible_text(rows[1])
    assert address(ScannedFile, "change", older.scanned_file.pk) in rows[1]
    detection = Detection.objects.get(scan=older.scan)
    own = client.get(address(Detection, "change", detection.pk)).content.decode()
    assert address(Match, "change", older.pk) in own


def test_no_list_begins_with_its_oldest_rows(rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = make_user(Role.ADMIN)

    oldest_first = [
        model._meta.label
        for model, screen in site._registry.items()
        if screen.get_ordering(request)[:1] in (["id"], ["pk"], ["created_at"])
    ]

    assert oldest_first == []


def test_columns_that_name_a_row_of_another_screen_link_to_it(signed_in: MakeClient) -> None:
    match = make_match()
    scan = address(Scan, "changelist")
    viewer = signed_in(Role.VIEWER)

    link = f'<a href="{address(ScannedFile, "change", match.scanned_file.pk)}">'
    assert link in viewer.get(scan).content.decode()
    # Whoever may not open the screen of accounts gets no link to one.
    licence = make_licence(recordings=[match.recording])
    page = viewer.get(address(Licence, "changelist")).content.decode()
    assert licence.holder in page
    assert address(User, "changelist") not in page


def test_an_empty_list_has_no_actions_and_a_group_leads_to_its_people(
    signed_in: MakeClient,
) -> None:
    client = signed_in(Role.ADMIN)
    group = make_user(Role.REVIEWER).groups.get()

    empty = client.get(address(InboundCallback, "changelist")).content.decode()
    page = client.get(address(Group, "changelist")).content.decode()

    assert 'name="action"' not in empty
    link = f"{address(User, 'changelist')}?groups__id__exact={group.pk}"
    assert f'href="{link}"' in page
    assert client.get(link).context["cl"].result_count == 1


def test_events_name_what_they_are_about_and_are_found_by_its_id(signed_in: MakeClient) -> None:
    match = make_match()
    base.audit.services.record(case=match.case, action="found")
    base.audit.services.record(case="report-schedule:rs_1", action="scheduled")
    client = signed_in(Role.ADMIN)

    def search(term: str) -> str:
        answer = client.get(address(Event, "changelist"), {"q": term})
        return visible_text(answer.content.decode())

    assert "Report schedule" in search("")
    assert "report-schedule" not in search("")
    for term in (match.uid, match.case):
        assert match.uid in search(term)
        assert "rs_1" not in search(term)


def test_a_decided_match_says_how_and_not_why_it_waited(signed_in: MakeClient) -> None:
    reasons = (QueueReason.SHORT, QueueReason.LOW_SCORE)
    _waiting, decided = matches = [make_match() for _ in reasons]
    for match, reason in zip(matches, reasons, strict=True):
        Match.objects.filter(pk=match.pk).update(queue_reason=reason)
    deciding.reject(match=decided, user=make_user(Role.REVIEWER), version=1, reason="noise")

    page = signed_in(Role.ADMIN).get(address(Match, "changelist")).content.decode()
    rows = re.findall(r"field-state_shown.*?>(.*?)</td>", page, re.DOTALL)

    # The newest is first.
    assert "Noise" in rows[0]
    assert "Low score" not in rows[0]
    assert "Short use" in rows[1]

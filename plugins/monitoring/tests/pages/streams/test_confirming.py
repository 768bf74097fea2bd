"""Who changes where alarms go gives the password again."""

from __future__ import annotations

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from plugins.monitoring.streams.models import Stream
from plugins.monitoring.tests.factories.streams import StreamFactory
from tests.fixtures import MakeClient
from tests.portal.test_confirming import confirmed, is_asked

pytestmark = pytest.mark.django_db


def test_who_hears_of_the_alarms_of_a_stream(signed_in: MakeClient) -> None:
    stream = StreamFactory.create()
    client = signed_in(Role.MANAGER)
    address = reverse("portal:stream_edit", args=[stream.uid])
    fields = {"name": "Renamed", "urls": "\n".join(stream.urls), "keep_hours": "24"}

    renamed = client.post(address, fields)
    answer = client.post(address, fields | {"alarm_url": "https://b.example/in"})
    confirmed(client, answer)

    assert not is_asked(renamed)
    assert Stream.objects.get(pk=stream.pk).alarm_url == "https://b.example/in"

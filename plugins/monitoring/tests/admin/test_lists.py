"""What lists and pages of the admin show of streams and imports."""

from __future__ import annotations

import pytest

from base.accounts.roles import Role
from plugins.monitoring.broadcasts.models import BroadcastImport
from plugins.monitoring.streams.models import StreamNotice
from plugins.monitoring.tests.factories.streams import StreamFactory
from tests.fixtures import MakeClient
from tests.portal.test_admin_lists import address
from tests.visible_text import visible_text

pytestmark = pytest.mark.django_db


def test_notices_of_streams_name_their_event(signed_in: MakeClient) -> None:
    client = signed_in(Role.VIEWER)
    StreamNotice.objects.create(stream=StreamFactory.create(), event="stream.away", body="{}")

    page = visible_text(client.get(address(StreamNotice, "changelist")).content.decode())

    assert "Stream away" in page
    assert "stream.away" not in page


def test_an_import_s_summary_is_in_words(signed_in: MakeClient) -> None:
    import_ = BroadcastImport.objects.create(
        file_name="november.csv",
        summary={
            "rows": 3,
            "updated": 2,
            "refused": 1,
            "faults": [
                {"line": 4, "column": "station", "value": "", "rule": "A value is required."}
            ],
        },
    )
    client, path = signed_in(Role.ADMIN), address(BroadcastImport, "change", import_.pk)

    page = visible_text(client.get(path).content.decode())
    german = client.get(path, headers={"accept-language": "de"}).content.decode()

    assert "With faults, not imported" in page
    assert "Changed" in page
    assert "refused" not in page
    assert "A value is required." in page
    assert "A value is required." not in german

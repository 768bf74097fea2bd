"""A new format of declarations needs only its own folder to be declared in everywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Recording
from plugins.monitoring.declarations import formats
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.streams.models import Station
from plugins.monitoring.tests.declarations.making import (
    NOVEMBER,
    a_broadcast,
    a_file,
    a_match,
    a_profile,
    a_station,
    utc,
)
from review.models import Match
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db
FOLDERS = Path(__file__).parent / "made_up"
PERIOD = {"begins": str(NOVEMBER[0]), "ends": str(NOVEMBER[1])}


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a folder beside those of the portal, during a test."""
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(FOLDERS)])
    registry.register_folders(FOLDERS)
    yield
    registry.unregister("tally")
    del sys.modules["plugins.monitoring.declarations.formats.tally.format"]


@pytest.fixture
def played() -> tuple[Station, Match]:
    """Return a station that played “Blue” twice in November."""
    station, file = a_station(), a_file()
    blue = RecordingFactory.create(title="Blue")
    both = (10_000, 40_000, 0, 30_000), (100_000, 130_000, 0, 30_000)
    match = a_match(file, *both, recording=blue)
    a_broadcast(file, station, utc(2026, 11, 3, 6))
    return station, match


def content(made: Declaration) -> bytes:
    return b"".join(made.file.chunks())


def test_pages_offer_explain_and_declare_it(
    signed_in: MakeClient, played: tuple[Station, Match]
) -> None:
    client = signed_in(Role.MANAGER)
    form = client.get("/reports/declarations/profiles/add/").content.decode()
    fields = {"name": "Isle", "format": "tally", "stations": [played[0].uid]}

    saved = client.post("/reports/declarations/profiles/add/", fields)
    profile = DeclarationProfile.objects.get()
    made = client.post("/reports/declarations/check/", {"profile": profile.uid, **PERIOD})
    run_next(Pool.WORK)

    assert '<option value="tally">Tally of the Isle</option>' in form
    assert "Rows are recordings with the number of their plays." in form
    assert (saved.status_code, profile.format) == (302, "tally")
    assert content(Declaration.objects.get()) == b"2 Blue\n"
    page = client.get(made["Location"]).content.decode()
    assert "Tally of the Isle" in page


def test_the_command_declares_in_it_and_names_what_is_missing(
    tmp_path: Path, played: tuple[Station, Match]
) -> None:
    a_profile(played[0], name="Isle", format="tally")
    period = {"begins": NOVEMBER[0], "ends": NOVEMBER[1], "out": tmp_path}

    blue, faults = played[1].recording, StringIO()
    Recording.objects.filter(pk=blue.pk).update(title="")

    with pytest.raises(CommandError):
        call_command("declare", "Isle", **period, stderr=faults)
    Recording.objects.filter(pk=blue.pk).update(title="Blue")
    call_command("declare", "Isle", **period, stdout=StringIO())
    with pytest.raises(CommandError, match="Correct it instead"):
        call_command("declare", "Isle", **period)

    assert (tmp_path / "tally_2026-11-01.txt").read_bytes() == b"2 Blue\n"
    assert "title: The recording has no title." in faults.getvalue()


def test_the_api_declares_in_it(played: tuple[Station, Match]) -> None:
    owner = make_user(Role.MANAGER, username="mia")
    token = create_token(owner=owner, name="test", scopes=["all"])
    client = Client(headers={"Authorization": f"Bearer {token.secret}"})
    profile = a_profile(played[0], format="tally")

    body = {"profile": profile.uid, **PERIOD}
    sent = client.post("/api/portal/v1/declarations/", body, content_type="application/json")
    run_next(Pool.WORK)
    address = f"/api/portal/v1/declarations/{sent.json()['uid']}/"
    declaration, file = client.get(address).json(), client.get(f"{address}file/")

    assert (declaration["format"], declaration["file_name"]) == ("tally", "tally_2026-11-01.txt")
    assert b"".join(file.streaming_content) == b"2 Blue\n"  # type: ignore[attr-defined]  # streams

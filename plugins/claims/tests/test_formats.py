"""A new format of reports needs only its own folder to be read wherever reports are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.claims.importing import formats, reports
from plugins.claims.models import ClaimsImport, PlatformClaim
from tests.factories.accounts import make_user
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db
FOLDERS = Path(__file__).parent / "made_up"
ROWS = (
    b"permit,track_link,listens,recording_code\n"
    b"p1,https://soundcloud.com/example/one,7,GBAYE0000001\n"
)
FIELDS = {"platform": "soundcloud", "account": "Example", "report_day": "2026-11-03"}


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a folder beside those of the portal, during a test."""
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(FOLDERS)])
    reports.register_folders(FOLDERS)
    name = "plugins.claims.importing.formats.permits.report"
    yield
    reports.unregister(sys.modules.pop(name).PERMITS)


def table() -> SimpleUploadedFile:
    return SimpleUploadedFile("permits.csv", ROWS)


def test_the_page_names_its_columns_and_imports_it(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)

    form = client.get("/claims/import/").content.decode()
    page = client.post("/claims/import/", {"file": table(), **FIELDS}, follow=True)
    address = page.redirect_chain[-1][0]
    run_next(Pool.WORK)
    client.post(f"{address}start/")
    run_next(Pool.WORK)

    assert "permit, track_link" in form
    claim = PlatformClaim.objects.get()
    assert (claim.claim_id, claim.views) == ("p1", 7)
    assert claim.asset.asset_id == "isrc:GBAYE0000001"


def test_the_api_and_the_command_line_take_it(tmp_path: Path) -> None:
    owner = make_user(Role.MANAGER, username="mia")
    token = create_token(owner=owner, name="test", scopes=["catalogue"])
    client = Client(headers={"Authorization": f"Bearer {token.secret}"})
    path, output = tmp_path / "permits.csv", StringIO()
    path.write_bytes(ROWS)

    sent = client.post("/api/portal/v1/imports/claims/", {"file": table(), **FIELDS})
    run_next(Pool.WORK)
    values = [f"{name}={value}" for name, value in FIELDS.items()]
    call_command("import_file", "claims", path, *values, username="mia", stdout=output)

    import_ = ClaimsImport.objects.get(uid=sent.json()["uid"])
    assert (import_.status, import_.kind, import_.summary["added"]) == ("checked", "claims", 1)
    assert "added: 1" in output.getvalue().splitlines()
    assert PlatformClaim.objects.get().claim_id == "p1"

"""A new kind of import needs only its own folder to appear wherever kinds are listed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, load_command_class
from django.db import connection
from django.test import Client
from django.urls import clear_url_caches
from pytest_django.plugin import DjangoDbBlocker

import acrportal.urls
import web.portal.api.urls
import web.portal.imports.urls
import web.portal.urls
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Bucket
from imports import kinds
from imports.kinds import AnyKind
from imports.models import Import, ImportStatus
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

TABLE = b"bucket,new_name\nOld,New\nNowhere,Somewhere\n"


def _read_addresses() -> None:
    for module in (web.portal.api.urls, web.portal.imports.urls, web.portal.urls, acrportal.urls):
        importlib.reload(module)
    clear_url_caches()


@pytest.fixture(scope="module")
def made_up(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[AnyKind]:
    """Return a kind of import that exists during these tests only."""
    name = "tests.imports.made_up.kind"
    kind: AnyKind = importlib.import_module(name).NAMES_IMPORT
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        editor.create_model(kind.model)
    kinds.register(kind)
    _read_addresses()
    yield kind
    kinds.unregister(kind)
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        editor.delete_model(kind.model)
    del apps.all_models["imports"]["namesimport"], sys.modules[name]
    apps.clear_cache()
    _read_addresses()


def test_its_page_imports_a_row_and_takes_it_back(made_up: AnyKind, signed_in: MakeClient) -> None:
    bucket = BucketFactory.create(name="Old")
    client = signed_in(Role.MANAGER)

    table = SimpleUploadedFile("names.csv", TABLE)
    page = client.post("/catalogue/import-names/", {"file": table}, follow=True)
    address = page.redirect_chain[-1][0]
    run_next(Pool.WORK)
    checked = client.get(address).content.decode()
    client.post(f"{address}start/")
    run_next(Pool.WORK)
    bucket.refresh_from_db()
    assert bucket.name == "New"
    for verb in ("check", "undo"):
        client.post(f"{address}undo/", {"verb": verb})
        run_next(Pool.WORK)

    bucket.refresh_from_db()
    import_: Import = made_up.model._default_manager.get()
    assert (import_.status, bucket.name) == (ImportStatus.UNDONE, "Old")
    assert "The name of a bucket." in checked
    assert str(made_up.start_label) in checked
    events = Event.objects.filter(case=import_.case).values_list("action", flat=True)
    assert set(events) == {"names.import_started", "names.import_undone"}


def test_pages_that_list_kinds_show_it(made_up: AnyKind, signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)

    catalogue = client.get("/catalogue/").content.decode()
    form = client.get("/catalogue/import-names/").content.decode()
    page = client.get("/search/", {"q": "import names"}).content.decode()
    sample = client.get("/catalogue/import-names/sample.csv")

    link = 'href="/catalogue/import-names/"'
    assert link in catalogue
    assert link in page
    assert "bucket, new_name" in form
    assert "Sample of names" in form
    assert sample.content.decode("utf-8-sig") == "bucket,new_name\r\nOld,New\r\n"
    reviewers = signed_in(Role.REVIEWER)
    assert link not in reviewers.get("/catalogue/").content.decode()
    assert reviewers.get("/catalogue/import-names/").status_code == 403


def test_the_api_takes_its_file(made_up: AnyKind) -> None:
    BucketFactory.create(name="Old")
    token = create_token(owner=make_user(Role.MANAGER), name="test", scopes=["catalogue"])
    client = Client(headers={"Authorization": f"Bearer {token.secret}"})

    table = SimpleUploadedFile("names.csv", TABLE)
    import_ = client.post("/api/portal/v1/imports/names/", {"file": table}).json()
    run_next(Pool.WORK)

    import_now = client.get(f"/api/portal/v1/imports/names/{import_['uid']}/").json()
    assert (import_now["status"], import_now["summary"]["updated"]) == ("checked", 1)


def test_the_command_line_names_and_runs_it(made_up: AnyKind, tmp_path: Path) -> None:
    BucketFactory.create(name="Old")
    make_user(Role.MANAGER, username="mia")
    table, output = tmp_path / "names.csv", StringIO()
    table.write_bytes(TABLE)

    command = load_command_class("web.portal", "import_file")
    usage = command.create_parser("manage.py", "import_file").format_help()
    options = {"username": "mia", "stdout": output, "stderr": output}
    for dry in (True, False):
        with pytest.raises(SystemExit):
            call_command("import_file", "names", table, dry_run=dry, **options)
        assert Bucket.objects.filter(name="New").exists() is not dry
    uid = made_up.model._default_manager.latest("pk").uid
    call_command("undo_import", uid, username="mia", stdout=output)

    assert "names: Import names" in " ".join(usage.split())
    # PostgreSQL keeps the figures of a summary in an order of its own.
    assert {"updated: 1", "unchanged: 0", "refused: 1"} <= set(output.getvalue().splitlines())
    assert f"undo_import {uid} --username" in output.getvalue()
    assert Bucket.objects.filter(name="Old").exists()

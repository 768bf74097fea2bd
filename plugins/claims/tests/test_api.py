"""Platform claims in the API: reports in, lists and claims read, files out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.audit.models import Event
from base.common.bodies import STRANGER_BYTES
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.claims.models import PlatformClaim
from plugins.claims.tests.making import report, run_import
from plugins.claims.tests.test_lists import claim, compare, heard
from tests.factories.accounts import make_user
from tests.factories.scanning import ScannedFileFactory
from web.portal.api import parts

pytestmark = pytest.mark.django_db
HERE = "/api/portal/v1"


def caller(role: Role, *scopes: str) -> Client:
    token = create_token(owner=make_user(role), name="test", scopes=list(scopes))
    return Client(headers={"Authorization": f"Bearer {token.secret}"})


def post(client: Client, path: str, fields: dict[str, Any]) -> Any:  # Any: JSON
    return client.post(f"{HERE}{path}", fields, content_type="application/json")


def test_a_report_is_imported_and_taken_back() -> None:
    manager = caller(Role.MANAGER, "catalogue", "read")
    path = f"{HERE}/imports/claims/"
    bad = manager.post(path, {"file": SimpleUploadedFile("r.csv", b"-"), "account": "Ours"})
    assert bad.status_code == 422
    assert list(bad.json()["errors"]) == ["report_day"]

    file = SimpleUploadedFile("claims_20261103.csv", report([claim(1)]))
    import_ = manager.post(path, {"file": file, "account": "Ours"}).json()
    address = f"/imports/claims/{import_['uid']}/"
    assert import_["status"] == "checking"
    early = post(manager, f"{address}start/", {})
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    run_next(Pool.WORK)
    assert manager.get(f"{HERE}{address}").json()["summary"]["added"] == 1
    assert not PlatformClaim.objects.exists()
    assert post(manager, f"{address}start/", {}).status_code == 202
    while run_next(Pool.WORK):
        pass
    (account,) = manager.get(f"{HERE}/claims/accounts/").json()
    assert (account["name"], account["claims_day"]) == ("Ours", "2026-11-03")

    for verb in ("check", "undo"):
        assert post(manager, f"{address}undo/", {"verb": verb}).status_code == 202
        while run_next(Pool.WORK):
            pass
    assert manager.get(f"{HERE}{address}").json()["status"] == "undone"
    assert not PlatformClaim.objects.exists()
    reviewer = caller(Role.REVIEWER, "all")
    assert reviewer.post(path, {"account": "Ours"}).status_code == 403


def test_a_report_of_thousands_of_claims_is_imported() -> None:
    manager = caller(Role.MANAGER, "catalogue", "read")
    content = report([claim(number) for number in range(5_000)])
    assert len(content) > 10 * STRANGER_BYTES

    file = SimpleUploadedFile("claims_20261103.csv", content)
    answer = manager.post(f"{HERE}/imports/claims/", {"file": file, "account": "Ours"})

    assert answer.status_code == 202, answer.content
    assert run_next(Pool.WORK)
    import_ = manager.get(f"{HERE}/imports/claims/{answer.json()['uid']}/").json()
    assert import_["summary"]["added"] == 5_000


def test_lists_and_claims_are_read_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 4):
        heard(number, "rejected")
    run_import(report([claim(number) for number in range(1, 4)]))
    compare()
    monkeypatch.setattr(parts, "AT_ONCE", 2)
    reader = caller(Role.VIEWER, "read")

    counts = reader.get(f"{HERE}/claims/lists/").json()
    assert {"list": "not_heard", "open": 3} in counts
    path, entries = f"{HERE}/claims/lists/not_heard/", []
    part = reader.get(path).json()
    assert len(part["entries"]) == 2
    entries = part["entries"] + reader.get(path, {"after": part["next"]}).json()["entries"]
    assert [claim["claim"] for claim in entries] == ["c1", "c2", "c3"]
    (account,) = reader.get(f"{HERE}/claims/accounts/").json()
    claims = f"{HERE}/claims/accounts/{account['uid']}/claims/"
    part = reader.get(claims).json()
    assert (len(part["claims"]), part["next"]) == (2, "c2")
    assert reader.get(claims, {"video_id": "vid00000003"}).json()["next"] == ""
    content = reader.get(f"{claims}c3/").json()
    assert (content["asset"], content["file"] != "") == ("A3", True)
    assert reader.get(f"{HERE}/claims/lists/nothing/").status_code == 404

    limited = caller(Role.REVIEWER, "read")
    group = make_user(Role.REVIEWER).groups.get()
    other_container_id = ScannedFileFactory.create().container_id
    AccessLimit.objects.create(group=group, containers=[other_container_id])
    assert limited.get(path).json()["entries"] == []
    assert limited.get(f"{claims}c3/").status_code == 404


def test_a_file_is_made_read_and_marked() -> None:
    heard(1, "rejected")
    heard(2, "rejected")
    run_import(report([claim(1), claim(2)]))
    compare()
    reviewer = caller(Role.REVIEWER, "report", "read")
    entries = reviewer.get(f"{HERE}/claims/lists/not_heard/").json()["entries"]
    versions = [{"uid": entry["uid"], "version": entry["version"]} for entry in entries]
    versions[1]["version"] += 1

    fields = {"kind": "releases", "entries": versions}
    made = post(reviewer, "/claims/files/", fields)
    assert made.status_code == 201
    (claim_file,) = made.json()["files"]
    assert (claim_file["row_count"], made.json()["left_out"]) == (1, 1)
    again = post(reviewer, "/claims/files/", fields)
    assert (again.status_code, again.json()["code"]) == (422, "nothing_fits")
    path = f"/claims/files/{claim_file['uid']}/"
    sent = reviewer.get(f"{HERE}{path}content/")
    assert b"".join(sent).startswith(b"claim_id,video_id")
    assert Event.objects.get(action="claim_file.exported").after["sha256"] == claim_file["sha256"]
    assert post(reviewer, f"{path}act/", {"verb": "sent"}).status_code == 403

    manager = caller(Role.MANAGER, "report")
    assert post(manager, f"{path}act/", {"verb": "sent"}).json()["state"] == "sent"
    assert post(manager, f"{path}act/", {"verb": "sent"}).status_code == 409
    run_import(report([claim(2)]))
    compare()
    content = manager.get(f"{HERE}{path}").json()
    assert (content["entries"], content["confirmed"]) == (1, 1)
    assert caller(Role.VIEWER, "read").get(f"{HERE}{path}content/").status_code == 403

"""The packages that the portal is made of: pinned by hash, listed, and known to be sound."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from acrportal import advisories, sbom
from acrportal.advisories import Snapshot

ROOT = Path(settings.BASE_DIR)
LISTS = [
    "requirements.txt",
    *(f"requirements/{name}.txt" for name in ("dev", "runtime", "release")),
]


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.split(r"\n(?! )", text.strip())

    assert len(pins) > 30
    for pin in pins:
        assert re.fullmatch(r"[a-z0-9_.\-\[\]]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", pin), (
            pin
        )


def test_everything_is_installed_by_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    installs = [
        line
        for line in makefile.splitlines()
        # Other people's clients and generators, in an environment of their own.
        if "install" in line and "-m pip" in line and "--python .venv-clients" not in line
    ]

    assert len(installs) == 5
    assert all("--require-hashes" in line for line in installs)


def test_no_pin_has_a_known_vulnerability() -> None:
    snapshot = Snapshot.read()

    assert len(snapshot.advisories) > 200
    assert not list(advisories.affecting(snapshot.advisories, advisories.read_pins()))


@pytest.mark.parametrize(
    ("pin", "affected"),
    [
        ("4.2", True),
        ("4.2.14", True),
        ("4.2.15", False),
        ("4.1", False),
        ("5.0.7", True),
        ("5.0.8", False),
        ("5.2.19", False),
    ],
)
def test_an_affected_version_is_named(pin: str, affected: bool) -> None:
    values = [
        advisory for advisory in Snapshot.read().advisories if advisory["id"] == "PYSEC-2024-70"
    ]

    lines = list(advisories.affecting(values, {"django": pin}))

    assert [line.startswith(f"django {pin}: PYSEC-2024-70") for line in lines] == (
        [True] if affected else []
    )


def test_an_old_or_empty_snapshot_is_no_clean_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(tz=UTC).date()
    some = Snapshot.read().advisories[:1]
    answers = {}
    for days, advised in ((30, some), (31, some), (0, [])):
        snapshot = Snapshot("somewhere", today - timedelta(days=days), advised)
        monkeypatch.setattr(Snapshot, "read", lambda made=snapshot: made)
        code = advisories.main([])
        answers[days] = code, capsys.readouterr().out

    assert answers[30][0] == 0
    assert f"0 vulnerabilities that were known on {today - timedelta(30)}" in answers[30][1]
    assert answers[31][0] == 1
    assert "NOT CHECKED SINCE" in answers[31][1]
    assert "31 days old" in answers[31][1]
    assert answers[0][0] == 1
    assert "NOT CHECKED" in answers[0][1]


def test_the_bill_of_materials_is_whole_and_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780000000")
    text = sbom.bill_of_materials(sbom.built_at())

    document = json.loads(text)
    components = {component["name"]: component for component in document["components"]}
    pins = re.findall(r"^([a-z0-9_.-]+)==", (ROOT / LISTS[2]).read_text(encoding="utf-8"), re.M)
    inside = {component["name"] for component in components["av"]["components"]}
    assert set(pins) <= components.keys()
    assert {"libavcodec", "libavformat", "libx264"} <= inside
    assert {"htmx.org", "tus-js-client", "js-sha256"} <= components.keys()
    assert document["metadata"]["timestamp"] == "2026-05-28T20:26:40+00:00"
    assert sbom.bill_of_materials(sbom.built_at()) == text

    # What docs/licensing.md says of licences.
    licences = {name: _licences(component) for name, component in components.items()}
    assert all(licences.values())
    assert {name for name, names in licences.items() if "GPL" in names} == {
        "fpdf2",
        "psycopg",
        "psycopg-binary",
    }
    assert [licences[name] for name in ("babel", "numba", "certifi", "cryptography")] == [
        "BSD-3-Clause",
        "BSD-2-Clause",
        "MPL-2.0",
        "Apache-2.0 OR BSD-3-Clause",
    ]


def _licences(component: dict[str, Any]) -> str:  # Any: JSON
    names = []
    for entry in component.get("licenses", []):
        stated = entry.get("license", {})
        names.append(entry.get("expression") or stated.get("id") or stated.get("name"))
    return ", ".join(names)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the tree has no history")
def test_without_a_setting_the_bill_is_of_the_time_of_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    command = ["git", "log", "-1", "--format=%cI"]
    committed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert sbom.built_at() == datetime.fromisoformat(committed.strip())

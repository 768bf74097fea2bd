"""The settings that installations start from pass Django's own checks."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from acrportal.settings_reference import settings_read

ROOT = Path(settings.BASE_DIR)
# The tests that drive a browser set the last setting.
_OWN = re.compile(r"^(SECRET_KEY|ALLOWED_HOSTS|\w+_URL|ACRPORTAL_\w+|DEBUG|DJANGO_\w+)(_FILE)?$")


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """Return a copy of deploy/ with the environment of a new installation."""
    folder = tmp_path / "deploy"
    shutil.copytree(ROOT / "deploy", folder, ignore=shutil.ignore_patterns("*.env"))
    subprocess.run(["sh", str(folder / "environment.sh"), "portal.example.com"], check=True)
    return folder


def _variables(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and line[0] != "#")


@pytest.fixture
def example(deploy: Path, tmp_path: Path) -> dict[str, str]:
    """Return the environment of the containers of the portal."""
    plain = {name: text for name, text in os.environ.items() if not _OWN.match(name)}
    variables = _variables(deploy / "portal.env")
    return plain | variables | {"ACRPORTAL_DATA_DIR": str(tmp_path)}


def test_each_container_knows_only_its_secrets(deploy: Path) -> None:
    portal, owner, database = (
        _variables(deploy / f"{name}.env") for name in ("portal", "owner", "database")
    )

    assert (
        portal["DATABASE_URL"].split(":")[2] == f"{database['PORTAL_PASSWORD']}@database/acrportal"
    )
    assert owner["DATABASE_URL"].split(":")[2] == f"{database['OWNER_PASSWORD']}@database/acrportal"
    passwords = [text for name, text in database.items() if name.endswith("PASSWORD")]
    assert len({*passwords, portal["SECRET_KEY"], portal["ACRPORTAL_METRICS_TOKEN"]}) == 5
    assert {
        name for name in portal if name not in {setting.name for setting in settings_read()}
    } == set()
    assert {path.stat().st_mode & 0o777 for path in deploy.glob("*.env")} == {0o600}
    env_files = {
        name: service["env_file"]
        for name, service in yaml.safe_load((deploy / "compose.yaml").read_text("utf-8"))[
            "services"
        ].items()
    }
    assert env_files == {
        "migrate": ["portal.env", "owner.env"],
        "web": "portal.env",
        "worker": "portal.env",
        "database": "database.env",
    }


def test_an_environment_that_exists_is_never_replaced(deploy: Path) -> None:
    before = (deploy / "owner.env").read_text("utf-8")
    (deploy / "portal.env").unlink()

    again = subprocess.run(
        ["sh", str(deploy / "environment.sh"), "portal.example.com"], capture_output=True, text=True
    )

    assert again.returncode == 1
    assert "owner.env is there already" in again.stderr
    assert (deploy / "owner.env").read_text("utf-8") == before
    assert not (deploy / "portal.env").exists()


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose")
def test_a_validator_reads_the_files_of_compose(deploy: Path) -> None:
    overlays = [str(path) for path in ROOT.glob("plugins/*/deploy/compose.yaml")]
    command = ["docker-compose", "-f", "compose.yaml"]
    for overlay in overlays:
        command += ["-f", overlay]

    subprocess.run([*command, "config", "--quiet"], cwd=deploy, check=True)


def _check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "CHANGE-ME"),
        ("SECRET_KEY", "changeme" * 8),
        ("SECRET_KEY", "django-insecure-" + "k3J9-vw0_xZqP7" * 4),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "abc" * 20),
        ("ACRPORTAL_METRICS_TOKEN", "CHANGE-ME"),
        ("DATABASE_URL", "postgres://acrportal:CHANGE-ME@database/acrportal"),
    ],
)
def test_placeholders_are_refused(name: str, value: str, example: dict[str, str]) -> None:
    refused = _check(example | {name: value})

    assert refused.returncode != 0
    last = refused.stderr.strip().splitlines()[-1]
    assert last.startswith("The settings are not complete.")
    assert name in last
    assert value not in last


def test_cookies_of_a_deployment_are_of_its_host_alone(example: dict[str, str]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from django.conf import settings as s; "
            "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, "
            "s.SESSION_COOKIE_PATH, s.SESSION_COOKIE_DOMAIN)",
        ],
        cwd=ROOT,
        env=example | {"DJANGO_SETTINGS_MODULE": "acrportal.settings"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "True", "/", "None"]


def test_health_check_of_the_container_is_answered(example: dict[str, str]) -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")

    (host,) = re.findall(r"urlopen\('http://([\d.]+):8000/readyz'\)", compose)

    assert host in example["ALLOWED_HOSTS"].split(",")


def test_what_a_container_writes_lies_in_its_volume() -> None:
    """Everything else is read-only, and numba does not start without a writable cache."""
    built = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    (volume,) = re.findall(r"^VOLUME (\S+)$", built, re.MULTILINE)

    written = re.findall(r"(?:ACRPORTAL_DATA|NUMBA_CACHE)_DIR=(\S+)", built)

    assert len(written) == 2
    assert all(Path(volume) in (Path(path), *Path(path).parents) for path in written)
    assert f"- data:{volume}" in compose
    assert "read_only: true" in compose


def _units() -> dict[str, configparser.SectionProxy]:
    """Return the service section of each unit, by its name."""
    read = {}
    for path in sorted(
        [*ROOT.glob("deploy/systemd/*.service"), *ROOT.glob("plugins/*/deploy/*.service")]
    ):
        # Settings may repeat, as ExecStartPre.
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.read(path, encoding="utf-8")
        read[path.name] = unit["Service"]
    return read


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    for path in (*ROOT.glob("deploy/systemd/*"), *ROOT.glob("plugins/*/deploy/*.service")):
        text = path.read_text(encoding="utf-8").replace(
            "/opt/acrportal/.venv/bin/python", sys.executable
        )
        (tmp_path / path.name).write_text(text, encoding="utf-8")

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("acrportal-*"))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def _bytes(size: str) -> int:
    assert size[-1] in "gG"
    return int(size[:-1]) * 1024**3


def test_every_process_of_a_deployment_has_a_memory_limit() -> None:
    limits = {name: unit["MemoryMax"] for name, unit in _units().items()}
    for path in (ROOT / "deploy" / "compose.yaml", *ROOT.glob("plugins/*/deploy/compose.yaml")):
        services = yaml.safe_load(path.read_text("utf-8"))["services"]
        limits |= {name: service["mem_limit"] for name, service in services.items()}

    decode = settings.ACRPORTAL_DECODE_MEMORY_BYTES
    assert len(limits) > 5
    for name in ("acrportal-web.service", "acrportal-worker@.service", "worker", "web"):
        assert _bytes(limits[name]) >= decode + 1024**3, name
    assert all(_bytes(limit) for limit in limits.values())


def test_one_decoding_process_over_its_limit_does_not_end_a_unit() -> None:
    units = _units()
    del units["acrportal-backup.service"]

    assert {unit["OOMPolicy"] for unit in units.values()} == {"continue"}
    # SIGTERM to a decoding process would fail what the worker is to finish.
    assert {unit["KillMode"] for unit in units.values()} == {"mixed"}


def _routes(
    patterns: list[URLPattern | URLResolver], before: str = "/"
) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        # Any id; a test elsewhere fills in real ids.
        route = before + re.sub(r"<[^>]+>", "x1", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def _takes_files(view: Any) -> bool:  # Any: a class or function
    made_of = getattr(view, "view_class", None) or getattr(view, "cls", view)
    return bool(
        getattr(view, "files_for", "")
        or getattr(made_of, "files_for", "")
        or getattr(made_of, "file_methods", "")
    )


def test_the_proxy_streams_files_and_keeps_all_else_until_it_is_whole() -> None:
    """The pattern of the first location matches exactly the views that stream."""
    proxy = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    streamed = re.compile(re.findall(r"location ~ (\S+) \{", proxy)[0])
    routes = list(_routes(get_resolver().url_patterns))

    file_routes = {route for route, view in routes if _takes_files(view)}
    streamed_routes = {route for route, _view in routes if streamed.search(route)}

    assert len(file_routes) > 10
    assert file_routes == streamed_routes


@pytest.mark.parametrize(
    ("address", "logged"),
    [
        ("/callbacks/acrcloud/1/secret", "/callbacks/acrcloud/1/REDACTED"),
        ("/callbacks/acrcloud/accounts/2/secret", "/callbacks/acrcloud/accounts/2/REDACTED"),
        ("/uploads/abc?expires=1&signature=secret", "/uploads/abc"),
        ("/accounts/oidc/oidc/login/callback/?code=secret", "/accounts/oidc/oidc/login/callback/"),
        ("/queue/?view=waiting", "/queue/?view=waiting"),
    ],
)
def test_the_log_of_the_proxy_has_no_secrets(address: str, logged: str) -> None:
    proxy = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    table = re.findall(r'"~\*?(\^[^"]+)"\s+"?([^";]+)"?;', proxy)
    assert len(table) == 4

    for pattern, target in table:
        match = re.search(pattern.replace("(?<", "(?P<"), address)
        if match:
            for name, value in match.groupdict().items():
                target = target.replace("${" + name + "}", value).replace("$" + name, value)
            assert target == logged
            return
    assert address == logged


def test_the_example_of_a_deployment_is_clean(example: dict[str, str]) -> None:
    command = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    process = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=example,
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 0, process.stderr

"""The vendor's official command line, unmodified, against this server.

Its file calls go to a fixed regional host over TLS. A proxy with a temporary
certificate redirects them here, as an operator's own proxy would.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.wire.live import Server, installed_client, make_certificate, tls_proxy, wait_for
from tests.wire.scene import Scene

_PROGRAM = installed_client("ACRCLOUD_CLI", "acrcloud", module="acrcloud_cli")
pytestmark = [
    pytest.mark.slow,  # a server and a worker have to start
    pytest.mark.skipif(_PROGRAM is None, reason="acrcloud-cli is not installed: make clients"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate"),
]
Cli = Callable[..., str]


@pytest.fixture(scope="module")
def cli(live: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Return a function that runs the command line, configured for this server."""
    home = tmp_path_factory.mktemp("home")
    certificate, key = make_certificate(home)
    port = int(live.base.rsplit(":", 1)[1])
    with tls_proxy(port, certificate, key) as proxy:
        env = {
            **os.environ,
            "HOME": str(home),
            "HTTPS_PROXY": proxy,
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(certificate),
        }

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [str(_PROGRAM), *arguments],
                env=env,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        run("config", "set", "base_url", f"{live.base}/api")
        run("config", "set", "access_token", live.token)
        yield run


def test_buckets(cli: Cli) -> None:
    made = cli(
        *("buckets", "create", "--name", "cli bucket", "--type", "File"),
        *("--region", "eu-west-1", "--labels", "Music,Video"),
    )
    listing = cli("buckets", "list")
    number = next(line.split()[0] for line in listing.splitlines() if "cli bucket" in line)
    details = cli("buckets", "get", number)
    cli("buckets", "update", number, "--name", "cli bucket 2")
    renamed = cli("buckets", "list", "--output", "json")
    cli("buckets", "delete", number, "--yes")

    assert "success" in made.lower()
    assert "cli bucket" in details
    assert "cli bucket 2" in renamed
    assert "cli bucket 2" not in cli("buckets", "list")


def test_bucket_files(cli: Cli, live: Server, programme: Path) -> None:
    numbers = [
        live.call(
            "POST", "/api/buckets", json={"name": name, "type": "File", "region": "us-west-2"}
        ).json()["data"]["id"]
        for name in ("cli source", "cli target")
    ]
    bucket = ("--bucket-id", str(numbers[0]))
    files = ("buckets", "files")

    uploaded = cli(
        *(*files, "upload", *bucket, "--file", str(programme)),
        *("--title", "From the CLI", "--user-defined", '{"artist": "James"}'),
    )
    number = uploaded.split("ID: ")[1].split()[0]
    wait_for(live, f"/api/buckets/{numbers[0]}/files/{number}", states=(1, -1))
    listing = cli(*files, "list", *bucket, "--keyword", "from the")
    cli(*files, "update", number, *bucket, "--title", "Changed")
    details = cli(*files, "get", number, *bucket)
    dumped = cli(*files, "dump", *bucket)
    cli(*(*files, "move", *bucket, "--file-ids", number), *("--target-bucket-id", str(numbers[1])))
    moved = cli(*files, "list", "--bucket-id", str(numbers[1]), "--output", "json")
    cli(*(*files, "delete-batch", "--bucket-id", str(numbers[1])), *("--file-ids", number, "--yes"))
    last_listing = cli(*files, "list", "--bucket-id", str(numbers[1]))

    assert "From the CLI" in listing
    assert "Active" in listing
    assert "Changed" in details
    assert '"artist": "James"' in details
    assert json.loads(dumped)["data"][0]["title"] == "Changed"
    assert json.loads(moved)["data"][0]["id"] == int(number)
    assert "No files found" in last_listing


def test_containers_and_files(cli: Cli, live: Server, scene: Scene, programme: Path) -> None:
    cli(
        *("filescan", "create-container", "--name", "cli container"),
        *("--region", "ap-southeast-1", "--buckets", f"[{scene.bucket['id']}]"),
        *("--engine", "3", "--policy-type", "points", "--points", "3"),
    )
    containers = json.loads(cli("filescan", "list-containers", "--output", "json"))["data"]
    number = str(next(row["id"] for row in containers if row["name"] == "cli container"))
    container = ("--container-id", number)
    table = cli("filescan", "list-containers")
    details = cli("filescan", "get-container", number)
    cli("filescan", "update-container", number, "--name", "cli renamed")
    uploaded = cli("filescan", "upload", *container, "--file", str(programme))
    file_id = uploaded.split("ID: ")[1].split()[0]
    wait_for(live, f"/api/fs-containers/{number}/files/{file_id}", states=(1, -1, -2, -3))
    files = cli("filescan", "list-files", *container, "--with-result", "1")
    file = cli("filescan", "get-file", file_id, *container, "--output", "table")
    cli("filescan", "rescan", *container, "--file-ids", file_id)
    cli("filescan", "delete-files", *container, "--file-ids", file_id, "--yes")
    cli("filescan", "delete-container", number, "--yes")

    assert "cli container" in table
    assert "cli container" in details
    assert programme.name in files
    assert "Castle" in file
    assert "cli renamed" not in cli("filescan", "list-containers")


def test_scan_makes_a_container_once_and_waits_for_the_result(
    cli: Cli, scene: Scene, programme: Path
) -> None:
    scan = (
        *("filescan", "scan", str(programme), "--buckets", str(scene.bucket["id"])),
        *("--music-detection", "1", "--poll-interval", "1"),
    )

    first = cli(*scan)
    second = cli(*scan, "--output", "table")

    assert "Created new container" in first
    assert '"state": 1' in first
    assert "Found existing container" in second
    assert "Title: Castle" in second


def test_default_bucket_is_there(cli: Cli, programme: Path) -> None:
    output = cli("filescan", "scan", str(programme), "--poll-interval", "1")

    assert "No results" in output


def test_unsupported_products_are_named(live: Server) -> None:
    for path, product in (
        ("base-projects", "projects"),
        ("bm-bd-projects/1/channels", "broadcast monitoring"),
        ("billing/usage", "billing"),
        ("buckets/23/channels", "live channels"),
    ):
        answer = live.call("GET", f"/api/{path}")

        assert answer.status_code == 404
        assert product in answer.json()["message"]

"""Clients on Node: the package ``acrcloud`` of npm, and one that polls every two seconds.

Both run unmodified against a running portal.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.wire.live import Server, installed_packages, make_certificate, tls_proxy
from tests.wire.scene import Scene

_PACKAGES = installed_packages("acrcloud")
_IDENTIFY = """
const acrcloud = require("acrcloud");
const { readFileSync } = require("fs");
const told = JSON.parse(process.argv[1]);
const { host, key: access_key, secret: access_secret } = told;
new acrcloud({ host, access_key, access_secret })
  .identify(readFileSync(told.file))
  .then((answer) => console.log(JSON.stringify(answer)));
"""
# As many programs wait for a scan: one connection, kept open, a call every two seconds.
_POLL = """
const http = require("http");
const told = JSON.parse(process.argv[1]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const ports = new Set();
let left = told.times;
function ask() {
  const call = http.get(told.url, { agent, headers: told.headers }, (answer) => {
    ports.add(call.socket.localPort);
    let body = "";
    answer.on("data", (piece) => { body += piece; });
    answer.on("end", () => {
      left -= 1;
      if (left) setTimeout(ask, 2000);
      else {
        agent.destroy();
        const { state } = JSON.parse(body).data[0];
        console.log(JSON.stringify({ state, connections: ports.size }));
      }
    });
  });
  call.on("error", (error) => { console.error(error); process.exit(1); });
}
ask();
"""

pytestmark = [
    pytest.mark.slow,  # a server and a worker have to start
    pytest.mark.skipif(shutil.which("node") is None, reason="node runs the clients"),
]


def node(program: str, arguments: dict[str, Any], **env: str) -> Any:  # Any: JSON
    done = subprocess.run(
        ["node", "-e", program, json.dumps(arguments)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(_PACKAGES is None, reason="acrcloud is not installed: make clients")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_clip_is_identified(live: Server, scene: Scene, programme: Path, tmp_path: Path) -> None:
    made = live.manage(
        *("create_project", "--name", "npm", "--format", "json"),
        *("--bucket", str(scene.bucket["id"])),
    )
    project = json.loads(made.splitlines()[-1])
    certificate, key = make_certificate(tmp_path)
    port = int(live.base.rsplit(":", 1)[1])

    with tls_proxy(port, certificate, key) as server:
        arguments = {
            "host": f"localhost:{server.rsplit(':', 1)[1]}",
            "key": project["access_key"],
            "secret": project["access_secret"],
            "file": str(programme),
        }
        env = {"NODE_PATH": str(_PACKAGES), "NODE_EXTRA_CA_CERTS": str(certificate)}
        answer = node(_IDENTIFY, arguments, **env)
        refused = node(_IDENTIFY, arguments | {"secret": "wrong"}, **env)

    assert answer["status"]["code"] == 0, answer
    assert answer["metadata"]["custom_files"][0]["title"] == "Castle"
    assert refused["status"]["code"] == 3014


@pytest.mark.soak
def test_a_scan_is_polled_every_two_seconds_on_one_connection(
    live: Server, scene: Scene, programme: Path
) -> None:
    files = f"/api/fs-containers/{scene.container['id']}/files"
    with programme.open("rb") as audio:
        sent = live.call("POST", files, files={"file": ("p.opus", audio)})

    seen = node(
        _POLL,
        {
            "url": f"{live.base}{files}/{sent.json()['data']['id']}",
            "headers": live.headers,
            "times": 6,
        },
    )

    assert seen["connections"] == 1
    assert seen["state"] in (0, 1)

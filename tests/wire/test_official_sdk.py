"""Identification with the vendor's Python SDK, unmodified, against this server.

The SDK always uses TLS, so the proxy with a temporary certificate is its host.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.wire.live import Server, installed_client, make_certificate, tls_proxy
from tests.wire.scene import Scene

_PYTHON = installed_client("ACRCLOUD_SDK_PYTHON", "python", module="pyacrcloud")
_PROGRAM = """
import json, sys
from acrcloud.recognizer import ACRCloudRecognizer
told = json.loads(sys.argv[1])
client = ACRCloudRecognizer({
    "host": "identify-eu-west-1.acrcloud.com", "timeout": 60, "query_type": "fingerprint",
    "access_key": told["key"], "access_secret": told["secret"],
})
for kind in (0, 1):
    print(client.recognize_audio(told["file"], 5, 12, audio_type=kind))
print(client.recognize_by_file(told["file"], 5, 12))
"""

pytestmark = [
    pytest.mark.slow,  # a server and a worker have to start
    pytest.mark.skipif(_PYTHON is None, reason="pyacrcloud is not installed: make clients"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate"),
]


def recognise(
    live: Server, folder: Path, arguments: dict[str, str]
) -> list[dict[str, Any]]:  # Any: JSON
    certificate, key = make_certificate(folder)
    port = int(live.base.rsplit(":", 1)[1])
    with tls_proxy(port, certificate, key) as proxy:
        done = subprocess.run(
            [str(_PYTHON), "-c", _PROGRAM, json.dumps(arguments)],
            env={
                **os.environ,
                "HTTPS_PROXY": proxy,
                "https_proxy": proxy,
                "SSL_CERT_FILE": str(certificate),
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_audio_is_identified_and_the_vendors_fingerprint_is_not(
    live: Server, scene: Scene, programme: Path, tmp_path: Path
) -> None:
    project = json.loads(
        live.manage(
            *("create_project", "--name", "sdk", "--format", "json"),
            *("--bucket", str(scene.bucket["id"])),
        ).splitlines()[-1]
    )

    by_opus, by_wave, by_vendor_print = recognise(
        live,
        tmp_path,
        {"key": project["access_key"], "secret": project["access_secret"], "file": str(programme)},
    )
    (refused, *_) = recognise(
        live, tmp_path, {"key": project["access_key"], "secret": "wrong", "file": str(programme)}
    )

    for answer in (by_opus, by_wave):
        assert answer["status"]["code"] == 0, answer
        match = answer["metadata"]["custom_files"][0]
        assert match["title"] == "Castle"
        assert match["artist"] == "James"
        assert abs(match["db_begin_time_offset_ms"] - 5_000) < 1_500
    assert by_vendor_print["status"]["code"] == 2004
    assert refused["status"]["code"] == 3014

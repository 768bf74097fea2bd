"""Sends crafted and broken fingerprints through the portal's doors, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import requests

from benchmarks.corpus import DEMO
from benchmarks.hostile.crafted import FIXED, mutated_print
from benchmarks.hostile.feeding import Feeding, feed_each, make_rng
from benchmarks.report import Report
from benchmarks.serving import peak_kib, serving, tree_of

_WALL_S = 60.0
_GROWTH_MIB = 256
_OUTCOMES = {0: "identified", 1001: "no result", 2004: "no fingerprint"}


@dataclass(frozen=True)
class Doors:
    """Where a stranger with keys can send a fingerprint."""

    base: str
    token: str
    access_key: str
    access_secret: str
    bucket_id: int
    container_id: int

    def identify(self, number: int, content: bytes) -> tuple[str, str]:
        """Ask which recordings a clip holds; every answer has status 200."""
        fields = {
            "access_key": self.access_key,
            "data_type": "fingerprint",
            "signature_version": "1",
            "timestamp": f"{number}.5",
        }
        signed = "\n".join(["POST", "/v1/identify", *fields.values()])
        digest = hmac.new(self.access_secret.encode(), signed.encode(), hashlib.sha1).digest()
        answer = requests.post(
            f"{self.base}/v1/identify",
            data={**fields, "signature": base64.b64encode(digest).decode()},
            files={"sample": ("sample", content)},
            timeout=2 * _WALL_S,
        )
        code = answer.json()["status"]["code"] if answer.ok else answer.status_code
        fault = "" if code in _OUTCOMES else f"/v1/identify: {code}"
        return _OUTCOMES.get(code, ""), fault

    def scan(self, number: int, content: bytes) -> tuple[str, str]:
        """Submit a fingerprint for scanning."""
        return self._post(f"/api/fs-containers/{self.container_id}/files", content)

    def add(self, number: int, content: bytes) -> tuple[str, str]:
        """Add a recording."""
        return self._post(f"/api/buckets/{self.bucket_id}/files", content)

    def _post(self, path: str, content: bytes) -> tuple[str, str]:
        answer = requests.post(
            self.base + path,
            data={"data_type": "fingerprint", "title": "hostile"},
            files={"file": ("sent.acrfp", content)},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=2 * _WALL_S,
        )
        if answer.status_code // 100 not in (2, 4):
            return "", f"{path}: {answer.status_code}"
        return f"{path.split('/')[2]}: {answer.status_code}", ""


def feed(report: Report, feeding: Feeding) -> None:
    """Feed fingerprints to all doors in turn, the crafted ones first."""
    sound = _made()
    crafted = list(FIXED.items())
    with serving(feeding.work / "serve.log") as (port, pid):
        doors = _opened(port)
        ways: tuple[Callable[[int, bytes], tuple[str, str]], ...] = (
            doors.identify,
            doors.scan,
            doors.add,
        )
        # Loads and compiles what a first call needs.
        for number, way in enumerate(ways):
            way(-1 - number, sound)
        before = _peaks_mib(pid)

        def send_one(number: int) -> tuple[str, str]:
            turn, which = divmod(number, len(ways))
            if turn < len(crafted):
                name, make = crafted[turn]
                content = make()
            else:
                rng = make_rng(feeding.seed, "print", number)
                name, content = "mutated", mutated_print(sound, rng)
            outcome, fault = ways[which](number, content)
            return outcome, fault and f"{name}: {fault}"

        feed_each(report, feeding, send_one, noun="fingerprints", wall_s=_WALL_S)
        grown = max(peak - before.get(process, peak) for process, peak in _peaks_mib(pid).items())
    report.table(["", "measured", "limit"], [("memory growth, MiB", f"{grown:.0f}", _GROWTH_MIB)])
    report.check("no process grows beyond its limit", reached=grown < _GROWTH_MIB)


def _peaks_mib(pid: int) -> dict[int, float]:
    """Return the peak memory of the processes that stay; the system limits the others."""
    return {process: peak_kib(process) / 1024 for process in tree_of(pid)}


def _made() -> bytes:
    """Return the fingerprint of a real recording."""
    from recognition.audio.analysis import analyse_file
    from recognition.fingerprints import file_format as fingerprint

    smallest = min(DEMO.rglob("*.opus"), key=lambda path: path.stat().st_size)
    return fingerprint.to_bytes(analyse_file(smallest).fingerprint)


def _opened(port: int) -> Doors:
    """Make a project, a token and places to send to in this process's installation."""
    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from base.accounts.tokens import create_token
    from catalogue.services import create_bucket
    from scanning.models import Container
    from scanning.services.identification import create_project

    admin = create_user(username="prints", password=None, role=Role.ADMIN)
    bucket = create_bucket(name="Prints", user=admin)
    project = create_project(name="prints", buckets=[bucket], user=admin)
    return Doors(
        base=f"http://127.0.0.1:{port}",
        token=create_token(owner=admin, name="prints", scopes=["all"]).secret,
        access_key=project.access_key,
        access_secret=project.access_secret,
        bucket_id=bucket.pk,
        container_id=Container.objects.create(name="Prints").pk,
    )

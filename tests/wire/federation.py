"""Two portals: the remote one has the catalogue and acts as the cloud of the local one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests import audio
from tests.wire.faults import Proxy, faulty_proxy
from tests.wire.live import Server, running_server, wait_for

_WAIT_SECONDS = 1200
# Long enough that no such piece of a sound file is in other bytes by chance.
_PIECE = 16

# Any in this module: JSON.
Json = dict[str, Any]

_TIE = """
from scanning.models import CloudAccount, Container
from scanning.services import cloud
account = cloud.save_account(
    account=CloudAccount(name="{sends}", base_url="{base}/api", sends="{sends}"),
    token="{token}", user=None)
container = Container.objects.get(pk={container})
cloud.mirror_container(
    account=account, container=container, buckets=[{bucket}], user=None)
cloud.set_terms(container=container, engine="acrcloud", cap_hours=None, user=None)
print(container.cloud_container_id)
"""
_LEDGER = """
import json
from scanning.models import ScannedFile, Scan, CloudJob
from review.models import Match
print(json.dumps({
    "states": list(ScannedFile.objects.order_by("name").values_list("name", "status")),
    "succeeded": Scan.objects.filter(status="succeeded").count(),
    "matches": Match.objects.count(),
    "matched_files": Match.objects
        .values("scanned_file").distinct().count(),
    "codes": list(ScannedFile.objects.exclude(error_code="")
        .values_list("error_code", "message").distinct()[:5]),
    "sent": list(CloudJob.objects.order_by("scan__scanned_file__name").values_list(
        "scan__scanned_file__name", "sent_as")),
    "tries": list(CloudJob.objects.filter(scan__status__in=["queued", "running"])
        .values_list("said")[:5]),
}))
"""


@dataclass(frozen=True)
class Federation:
    """The two portals with a proxy in each direction.

    ``bucket`` is the remote catalogue, which the remote container searches.
    """

    here: Server
    there: Server
    calls: Proxy
    callbacks: Proxy
    bucket: int
    container: int
    remote_container: int

    def sending(self, sends: str) -> Federation:
        """Return the same portals with new containers, whose account sends that."""
        container, remote = _tie(self.here, self.there, self.calls, self.bucket, sends)
        return replace(self, container=container, remote_container=remote)

    def submit(self, name: str, content: bytes) -> str:
        """Submit a file to the local portal; return its id."""
        answer = self.here.call(
            "POST",
            f"/api/fs-containers/{self.container}/files",
            data={"name": name},
            files={"file": (name, content)},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def wait(self, file_id: str, *, states: tuple[int, ...] = (1, -1, -2, -3)) -> Json:
        """Return a file of the local portal when it is finished."""
        path = f"/api/fs-containers/{self.container}/files/{file_id}"
        return wait_for(self.here, path, states=states)

    def files(self) -> list[Json]:
        return _files(self.here, self.container, with_results=True)

    def remote_files(self, *, with_results: bool = False) -> list[Json]:
        return _files(self.there, self.remote_container, with_results=with_results)

    def ledger(self) -> Json:
        """Return the rows that the local portal has stored."""
        text = self.here.manage("shell", "--verbosity", "0", "-c", _LEDGER)
        stored: Json = json.loads(text.strip().splitlines()[-1])
        return stored

    def seconds(self, most: float) -> Iterator[None]:
        """Yield once a second until the time is over."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            yield
            time.sleep(1)

    def wait_for_all(self, count: int) -> float:
        """Wait until every local file is finished; return the seconds it took."""
        begun = time.monotonic()
        path = f"/api/fs-containers/{self.container}/files?state=0&per_page=1"
        for _ in self.seconds(_WAIT_SECONDS):
            if self.here.call("GET", path).json()["meta"]["total"] == 0:
                return time.monotonic() - begun
        raise AssertionError(f"not all of {count} files ended: {self.ledger()}")


def holds_sound(traffic: Iterable[bytes], sounds: Iterable[bytes], *, every: int = _PIECE) -> bool:
    """Tell whether a piece of a sound file was sent, wherever it began.

    A piece is taken ``every`` so many bytes of a file.
    """
    pieces = {
        piece
        for sound in sounds
        for at in range(0, len(sound) - _PIECE, every)
        # Silence and padding are in other files, too.
        if len(set(piece := sound[at : at + _PIECE])) > _PIECE // 2
    }
    return any(
        message[at : at + _PIECE] in pieces
        for message in traffic
        for at in range(len(message) - _PIECE)
    )


def _files(server: Server, container: int, *, with_results: bool) -> list[Json]:
    query = f"per_page=1000&with_result={int(with_results)}"
    path = f"/api/fs-containers/{container}/files?{query}"
    rows: list[Json] = server.call("GET", path).json()["data"]
    return rows


@contextmanager
def federation(folder: Path, **settings: str) -> Iterator[Federation]:
    """Run both portals; tune 1 and tune 2 are in the remote catalogue.

    Their data folders, "here" and "there", may hold migrated databases. Without
    monitoring and a second process for pages they start in half the time.
    """
    small = {"ACRPORTAL_PLUGINS": "", "WEB_CONCURRENCY": "1"}
    with ExitStack() as stack:
        calls = stack.enter_context(faulty_proxy())
        callbacks = stack.enter_context(faulty_proxy())
        there = stack.enter_context(running_server(_made(folder / "there"), **small))
        here = stack.enter_context(
            running_server(
                _made(folder / "here"),
                ACRPORTAL_BASE_URL=callbacks.base,
                ALLOWED_HOSTS="127.0.0.1,localhost",
                ACRPORTAL_CLOUD_POLL_SECONDS="1",
                **small,
                **settings,
            )
        )
        calls.target, callbacks.target = there.base, here.base
        bucket = _catalogue(there)
        tied = _tie(here, there, calls, bucket, "audio_always")
        yield Federation(here, there, calls, callbacks, bucket, *tied)


def _tie(here: Server, there: Server, calls: Proxy, bucket: int, sends: str) -> tuple[int, int]:
    """Make a container here that sends to one there; return the ids of both."""
    container = here.call(
        "POST",
        "/api/fs-containers",
        json={"name": sends, "region": "eu-west-1", "buckets": [23], "engine": 1},
    ).json()["data"]["id"]
    program = _TIE.format(
        base=calls.base, token=there.token, container=container, bucket=bucket, sends=sends
    )
    tied = here.manage("shell", "--verbosity", "0", "-c", program)
    return int(container), int(tied.split()[-1])


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _catalogue(server: Server) -> int:
    fields = {"name": "tunes", "type": "File", "region": "eu-west-1"}
    bucket = server.call("POST", "/api/buckets", json=fields).json()["data"]["id"]
    for seed in (1, 2):
        content = audio.wav_bytes(audio.tune(seed, 30))
        add_recording(server, int(bucket), f"Tune {seed}", content)
    return int(bucket)


def add_recording(server: Server, bucket: int, title: str, content: bytes) -> None:
    """Add a recording to a bucket and wait until it is found in files."""
    path = f"/api/buckets/{bucket}/files"
    made = server.call(
        "POST", path, data={"title": title}, files={"file": ("tune", content)}
    ).json()["data"]
    wait_for(server, f"{path}/{made['id']}", states=(1,))

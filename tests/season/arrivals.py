"""What other programs bring: results that they post, and files that they drop."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from scanning.models import Container
from scanning.services import cloud
from tests.season import samples, world
from tests.season.invariants import check
from tests.season.people import Person

_BASE = "http://testserver"


def call_back(person: Person, rng: random.Random) -> None:
    """Send a result as ACRCloud, or as a stranger who knows an address."""
    container = rng.choice(list(Container._base_manager.order_by("pk")))
    files = list(container.files.order_by("pk"))
    name = str(rng.choice(files).uid) if files else "unknown"
    body = {
        "file_id": name if rng.random() < 0.8 else "somebody-else",
        "state": rng.choice([1, 1, -1, 0, -2]),
        "cid": container.pk,
        "name": "show",
        "results": samples.results(rng),
    }
    path = f"/callbacks/acrcloud/{container.pk}/{container.callback_secret}"
    account = container.cloud_account
    if account is not None:
        sent = [file.remote_id for file in files if file.remote_id]
        body |= {"file_id": rng.choice(sent or ["unknown"])}
        body |= {"cid": container.cloud_container_id}
        path = cloud.account_callback_url(account).removeprefix(_BASE)
    if rng.random() < 0.1:
        path = path[:-4] + "else"
    response = person.client.post(path, body, content_type="application/json")
    person.note(f"callback for {name} to {container}: {response.status_code}")
    check(response.status_code < 500, f"callback: {response.status_code}")


def drop(drops: Path, rng: random.Random, note: Callable[[str], None]) -> None:
    """Put a file into the drop as another program, sometimes with a sidecar."""
    folder = drops / world.DROP / rng.choice(["", "", "news"])
    number = rng.randrange(samples.PROGRAMMES)
    path = folder / f"Dropped show {number}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(samples.programme(number))
    if rng.random() < 0.5:
        word = rng.choice(samples.WORDS)
        message = rng.choice(["{", json.dumps({"programme": word, "tags": word})])
        path.with_name(f"{path.name}.json").write_text(message, encoding="utf-8")
    note(f"{path.name} is dropped")

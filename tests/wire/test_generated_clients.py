"""Clients that others' generators make of the API's description, against this server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.wire.live import Server, installed_client, installed_packages
from tests.wire.scene import Scene

_PYTHON = installed_client("GENERATED_PYTHON", "python", module="openapi_python_client")
_PACKAGES = installed_packages("openapi-typescript")
_CONFIG = """
project_name_override: portal-client
package_name_override: portal_client
post_hooks: []
content_type_overrides:
  application/offset+octet-stream: application/octet-stream
"""
_PROGRAM = """
import json, sys, time
from portal_client import AuthenticatedClient
from portal_client.api.buckets import create_bucket
from portal_client.api.containers import create_container
from portal_client.api.decisions import decisions_list
from portal_client.api.dedup import submit_dedup_file
from portal_client.api.files import show_files, submit_file
from portal_client.api.matches import matches_decisions_create, matches_list
from portal_client.models import (
    BucketRequest, BucketTypeEnum, ContainerRequest, DecisionReasonEnum, DecisionRequest,
    DecisionVerbEnum, DedupRequest, FileRequest, MatchStateEnum,
)
from portal_client.types import File

base, token, bucket, path = sys.argv[1:]
client = AuthenticatedClient(base, token, raise_on_unexpected_status=True, timeout=60)


def audio():
    return File(payload=open(path, "rb"), file_name="p.opus", mime_type="audio/ogg")


def follow(list_, place, **query):
    items, more = [], True
    while more:
        part = list_.sync(client=client, **({"after": place} if place else {}), **query)
        items += part.items
        place, more = part.next_, part.more
    return items, place


container = create_container.sync(
    client=client,
    body=ContainerRequest(name="generated", region="eu-west-1", buckets=[int(bucket)], engine=1),
).data
file = submit_file.sync(str(container.id), client=client, body=FileRequest(file=audio())).data
end = time.monotonic() + 240
while file.state == 0 and time.monotonic() < end:
    time.sleep(1)
    (file,) = show_files.sync(str(container.id), str(file.id), client=client).data
names = BucketRequest(name="generated", region="eu-west-1", type_=BucketTypeEnum.DEDUPFILE)
tracks = create_bucket.sync(client=client, body=names).data
outcomes = [
    submit_dedup_file.sync(
        str(tracks.id), client=client, body=DedupRequest(id=name, file=audio())
    ).data
    for name in ("one", "two")
]
matches, place = follow(matches_list, "", file=file.id, limit=1)
# Other tests add recordings to the bucket; a match that changes meanwhile comes again.
match = [match for match in matches if match.title == "Castle"][-1]
_before, decided = follow(decisions_list, "")
rejected = matches_decisions_create.sync(
    match.uid,
    client=client,
    body=DecisionRequest(
        version=match.version, verb=DecisionVerbEnum.REJECT, reason=DecisionReasonEnum.NOISE
    ),
)
(changed,), place = follow(matches_list, place)
nothing, place = follow(matches_list, place)
(decision,), _place = follow(decisions_list, decided)
print(json.dumps({
    "state": file.state,
    "result": file.results["custom_files"][0]["result"]["title"],
    "dup_files": outcomes[1].dup_files,
    "title": match.title,
    "rejected": rejected.state == changed.state == MatchStateEnum.REJECTED,
    "changed": changed.uid == match.uid and changed.version == rejected.version,
    "nothing": nothing,
    "decision": [decision.match == match.uid, decision.by, decision.action, decision.state],
}))
"""
# The same calls by their types; without them, the compiler would refuse it.
_TYPED = """
import type { operations, paths } from "./portal";

type Answer<Call extends keyof operations, Status extends number> =
  operations[Call] extends { responses: infer All }
    ? Status extends keyof All
      ? All[Status] extends { content: { "application/json": infer Body } } ? Body : never
      : never
    : never;
type Sent<Call extends keyof operations, Media extends string = "application/json"> =
  operations[Call] extends { requestBody?: { content: { [M in Media]: infer Body } } }
    ? Body : never;
type Query<Call extends keyof operations> = operations[Call]["parameters"]["query"];

const container: Sent<"create_container"> =
  { name: "typed", region: "eu-west-1", buckets: [1001], engine: 1 };
const file: Sent<"submit_file", "multipart/form-data"> = { data_type: "audio" };
const track: Sent<"submit_dedup_file", "multipart/form-data"> = { id: "one" };
const decision: Sent<"matches_decisions_create"> =
  { version: 1, verb: "reject", reason: "noise" };
const address: keyof paths = "/api/portal/v1/matches/";

async function call<Body>(url: string, body?: unknown): Promise<Body> {
  const answer = await fetch(url, { body: JSON.stringify(body) });
  return await answer.json() as Body;
}

export async function follow(base: string): Promise<string[]> {
  const made = await call<Answer<"create_container", 201>>(base, container);
  const sent = await call<Answer<"submit_file", 201>>(`${base}/${made.data.id}`, file);
  const shown = await call<Answer<"show_files", 200>>(`${base}/${sent.data.id}`);
  const state: number = shown.data[0].state;
  const same = await call<Answer<"submit_dedup_file", 200>>(base, track);
  const names: string[] = same.data.dup_files;
  const query: Query<"matches_list"> = { state: "pending", limit: 500 };
  for (let more = true; more;) {
    const part = await call<Answer<"matches_list", 200>>(`${base}${address}?${query}`);
    for (const match of part.items) {
      const decided = await call<Answer<"matches_decisions_create", 200>>(match.uid, decision);
      const version: number = decided.version;
      names.push(match.title, `${version} ${state}`);
    }
    query.after = part.next;
    more = part.more;
  }
  return names;
}
"""
_WRONG = """
import type { components } from "./portal";
const match: components["schemas"]["ListedMatch"]["state"] = "undecided";
"""

pytestmark = pytest.mark.slow  # a server has to start, and generators to run


def run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.fixture(scope="module")
def description(live: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the document that the running server describes itself with."""
    path = tmp_path_factory.mktemp("description") / "portal.json"
    path.write_text(json.dumps(live.call("GET", "/api/schema").json()))
    return path


@pytest.mark.skipif(_PYTHON is None, reason="its generator is not installed: make generators")
def test_a_generated_python_client_scans_follows_and_decides(
    live: Server, scene: Scene, programme: Path, description: Path, tmp_path: Path
) -> None:
    programs = Path(str(_PYTHON)).parent
    config = tmp_path / "config.yml"
    config.write_text(_CONFIG)

    valid = run([programs / "openapi-spec-validator", description], tmp_path)
    generated = run(
        [
            *(programs / "openapi-python-client", "generate", "--path", description),
            *("--config", config, "--meta", "none", "--output-path", tmp_path / "portal_client"),
        ],
        tmp_path,
    )

    assert valid.returncode == 0, valid.stdout + valid.stderr
    output = generated.stdout + generated.stderr
    assert generated.returncode == 0, output
    assert "warning" not in output.lower()
    bucket = str(scene.bucket["id"])
    done = run([_PYTHON or "", "-c", _PROGRAM, live.base, live.token, bucket, programme], tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "state": 1,
        "result": "Castle",
        "dup_files": ["one"],
        "title": "Castle",
        "rejected": True,
        "changed": True,
        "nothing": [],
        "decision": [True, "client", "reject", "rejected"],
    }


@pytest.mark.skipif(
    _PACKAGES is None or shutil.which("node") is None,
    reason="its generator is not installed: npm, then make generators",
)
def test_generated_types_fit_the_calls_of_a_program(description: Path, tmp_path: Path) -> None:
    packages = _PACKAGES or Path()
    generated = run(
        [
            *(packages / ".bin" / "openapi-typescript", description),
            # What has a default may be left out.
            *("--default-non-nullable=false", "--output", tmp_path / "portal.ts"),
        ],
        tmp_path,
    )
    assert generated.returncode == 0, generated.stderr

    (tmp_path / "right.ts").write_text(_TYPED)
    (tmp_path / "wrong.ts").write_text(_WRONG)
    options = [
        "--strict",
        "--noEmit",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "nodenext",
    ]

    # Both together, since the compiler reads its libraries first.
    compiled = run([packages / ".bin" / "tsc", *options, "right.ts", "wrong.ts"], tmp_path)

    (fault,) = re.findall(r"^\S+ts\(.*", compiled.stdout, re.MULTILINE)
    assert fault.startswith("wrong.ts(3,")
    assert "TS2322" in fault

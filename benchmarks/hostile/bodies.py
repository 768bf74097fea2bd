"""Feeds mutated bodies to every operation of the two APIs, each undone afterwards."""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.hostile.feeding import Feeding, make_rng, mutated
from benchmarks.hostile.installation import set_up_work
from benchmarks.report import Report

_WALL_S = 10.0
_MIB = 1024
_GROWTH_MIB = 512
_ODD: tuple[Any, ...] = (
    None,
    True,
    [],
    {},
    "",
    0,
    -1,
    2**63,
    10**400,
    1e308,
    "\0",
    "\ud800",
    "٣",
    "=1+1",
    "<script>",
    "../../etc/passwd",
    "%s%n",
    "a" * 70_000,
    [[[[]]]],
    {"$ne": 1},
    "2026-13-45",
    "http://127.0.0.1/",
    "🎵" * 300,
    float("nan"),
)
_FIELDS = (
    "name",
    "title",
    "buckets",
    "bucket_id",
    "engine",
    "policy",
    "state",
    "ids",
    "data_type",
    "url",
    "file",
    "user_defined",
    "audio_type",
    "custom_id",
    "labels",
    "callback_url",
    "region",
    "id",
    "target_bucket_id",
    "container",
    "links",
    "tags",
    "published_at",
    "programme",
    "scan_again",
    "key",
    "access_key",
    "signature",
)


def _value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(8)
    if kind == 0 and depth < 4:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    if kind == 1 and depth < 4:
        return {rng.choice(_FIELDS): _value(rng, depth + 1) for _ in range(3)}
    if kind == 2:
        return "".join(chr(rng.randrange(1, 0xD800)) for _ in range(rng.randrange(40)))
    return rng.choice(_ODD)


def _body(rng: random.Random) -> tuple[bytes, str]:
    """Return a body and its content type."""
    values = {name: _value(rng) for name in rng.sample(_FIELDS, rng.randrange(1, 8))}
    text = json.dumps(values).encode()
    way = rng.randrange(8)
    if way == 0:
        return mutated(text, rng), "application/json"
    if way == 1:
        return b"[" * rng.randrange(1, 20_000), "application/json"
    if way == 2:
        return rng.randbytes(rng.randrange(400)), rng.choice(
            ("application/json", "text/plain", "application/x-www-form-urlencoded", "")
        )
    if way == 3:
        pairs = "&".join(f"{name}={value}" for name, value in values.items())
        return pairs.encode("utf-8", "replace"), "application/x-www-form-urlencoded"
    if way == 4:
        return _multipart(values, rng), "multipart/form-data; boundary=b"
    return text, "application/json"


def _multipart(values: dict[str, Any], rng: random.Random) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"'
        f"{rng.choice(('', '; filename=../x.wav'))}\r\n\r\n{value}\r\n"
        for name, value in values.items()
    ]
    whole = "".join([*parts, "--b--\r\n"]).encode("utf-8", "replace")
    return mutated(whole, rng) if rng.random() < 0.5 else whole


def _operations() -> Iterator[tuple[str, str]]:
    """Return method and address of every operation, filled with existing objects."""
    from drf_spectacular.generators import SchemaGenerator

    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    document = generator.get_schema(request=None, public=True)
    for path, methods in document["paths"].items():
        for method in methods:
            if method in {"get", "post", "put", "delete"}:
                yield method.upper(), path


@dataclass
class Fed:
    """The results of the bodies that one process sent."""

    operations: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    grown: float = 0.0


def _feed_share(work: Path, seed: int, numbers: range) -> Fed:
    """Send the bodies of some numbers to this process's own installation."""
    set_up_work(work)
    call = _caller()
    operations = list(_operations())
    fed = Fed(operations=len(operations))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
    for number in numbers:
        rng = make_rng(seed, "body", number)
        method, path = operations[number % len(operations)]
        body, content_type = _body(rng)
        begun = time.monotonic()
        status = call(method, path, body, content_type, rng)
        fed.slowest = max(fed.slowest, time.monotonic() - begun)
        fed.statuses[f"{status // 100}xx"] += 1
        if status >= 500:
            fed.faults.append(f"#{number} {status}: {method} {path} {content_type} {body[:200]!r}")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
    fed.grown = after - before
    return fed


def feed(report: Report, feeding: Feeding) -> None:
    """Send all bodies, divided among the processes."""
    begun = time.monotonic()
    shares = [range(share, feeding.count, feeding.workers) for share in range(feeding.workers)]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(feeding.workers, mp_context=spawned) as pool:
        fed = list(
            pool.map(
                _feed_share,
                [feeding.work / f"share-{share}" for share in range(feeding.workers)],
                [feeding.seed] * feeding.workers,
                shares,
            )
        )
    statuses = sum((share.statuses for share in fed), Counter[str]())
    faults = [fault for share in fed for fault in share.faults]
    slowest = max(share.slowest for share in fed)
    grown = max(share.grown for share in fed)
    report.line(f"{time.monotonic() - begun:.0f} s")
    report.table(["answer", "calls"], sorted(statuses.items()))
    report.table(
        ["", "measured", "limit"],
        [
            ("operations", fed[0].operations, ""),
            ("answered 5xx, or not at all", len(faults), 0),
            ("slowest, s", f"{slowest:.1f}", _WALL_S),
            ("memory growth, MiB", f"{grown:.0f}", _GROWTH_MIB),
        ],
    )
    for fault in faults[:10]:
        report.line(fault)
    report.check("no 5xx", reached=not faults)
    report.check("no call hangs", reached=slowest < _WALL_S)
    report.check("memory growth is limited", reached=grown < _GROWTH_MIB)


Call = Callable[[str, str, bytes, str, random.Random], int]


def _caller() -> Call:
    """Return a function that makes one call as an admin and undoes its changes."""
    from django.db import transaction
    from django.test import Client

    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from base.accounts.tokens import create_token
    from catalogue.services import create_bucket
    from scanning.models import Container, ScannedFile

    admin = create_user(username="hostile", password=None, role=Role.ADMIN)
    bucket = create_bucket(name="Bucket", user=admin)
    container = Container.objects.create(name="Container")
    file = ScannedFile.objects.create(container=container, name="a", sha256="0" * 64)
    ids = {"container_id": container.pk, "bucket_id": bucket.pk, "ids": file.uid, "uid": file.uid}
    secret = create_token(owner=admin, name="hostile", scopes=["all"]).secret
    wire = Client(raise_request_exception=False, SERVER_NAME="localhost")
    session = Client(raise_request_exception=False, SERVER_NAME="localhost")
    session.force_login(admin)

    def call(method: str, path: str, body: bytes, content_type: str, rng: random.Random) -> int:
        for name, value in ids.items():
            odd = rng.choice(("0", "x" * 300, "-1", "%00", "9" * 30))
            sent_value = value if rng.random() < 0.7 or name == "uid" else odd
            path = path.replace(f"{{{name}}}", str(sent_value))
        client = session if path.startswith("/api/portal/") else wire
        with transaction.atomic():
            answer = client.generic(
                method,
                path,
                body,
                content_type=content_type,
                headers={"Authorization": f"Bearer {secret}"},
            )
            answer.close()
            transaction.set_rollback(True)
        return int(answer.status_code)

    return call

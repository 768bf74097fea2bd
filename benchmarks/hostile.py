"""Feeds broken media and API bodies: no crash, no hang, no exhausted machine.

``python -m benchmarks.hostile --check`` sends mutated real files through the decoder's
own process and its limits, and mutated bodies through every operation of the two APIs,
each undone afterwards. ``--media`` and ``--bodies`` set the counts and ``--workers``
the number of processes; each number produces the same file or body in any process. The
system enforces the decoder's memory limit (``ACRPORTAL_DECODE_MEMORY_BYTES``): a
decoder that exceeds it ends, and its file counts as refused.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import av

from benchmarks.corpus import DEMO
from benchmarks.installation import set_up
from benchmarks.report import Report, machine, parser, workplace

_FORMATS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "m4a": "aac",
    "mp4": "aac",
}
_READ = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")
_SECONDS = 6
_MEDIA_WALL_S = 60.0
_CALL_WALL_S = 10.0
_MIB = 1024
_GROWTH_MIB = 512


def main(argv: Sequence[str] | None = None) -> int:
    """Mutate inputs, send them, and count the results."""
    args = _arguments(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        _set_up(work)
        report.title(f"{args.media:,} mutated media files")
        report.line(f"{machine()}, {args.workers} at once")
        _feed_media(report, _bases(args.music, work), args, work)
        report.title(f"{args.bodies:,} mutated API bodies")
        _feed_bodies(report, args, work)
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--media", type=int, default=10_000)
    made.add_argument("--bodies", type=int, default=100_000)
    made.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return made.parse_args(argv)


def _rng(*of: object) -> random.Random:
    """Return the random generator of one file or body, the same in every process."""
    return random.Random("-".join(map(str, of)))  # noqa: S311 - no secret


def _set_up(work: Path) -> None:
    """Set this process up for a separate installation."""
    work.mkdir(exist_ok=True)
    set_up(
        work / "data",
        f"sqlite:///{work}/portal.sqlite3",
        ACRPORTAL_API_THROTTLE="off",
        LOG_LEVEL="CRITICAL",
    )
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    # Each refusal would be a log line.
    logging.disable(logging.CRITICAL)


# --- Media ------------------------------------------------------------------------


def _bases(folder: Path | None, work: Path) -> list[tuple[str, bytes]]:
    """Return some seconds of real sound in each format, as suffix and content."""
    sources = sorted((folder or DEMO).rglob("*.*"), key=lambda one: one.stat().st_size)
    source = next(one for one in reversed(sources) if one.suffix in _READ)
    made = []
    for suffix, codec in _FORMATS.items():
        target = work / f"base.{suffix}"
        with av.open(str(source)) as read, av.open(str(target), "w") as written:
            stream = cast("av.AudioStream", written.add_stream(codec, rate=48_000))
            for frame in read.decode(audio=0):
                if frame.time is not None and frame.time > _SECONDS:
                    break
                frame.pts = None
                written.mux(stream.encode(frame))
            written.mux(stream.encode(None))
        made.append((suffix, target.read_bytes()))
    return made


def _mutated(content: bytes, rng: random.Random) -> bytes:
    """Return a file broken in one of the ways in which files break."""
    broken = bytearray(content)
    way = rng.randrange(6)
    if way == 0:
        return bytes(broken[: rng.randrange(len(broken))])
    if way == 1:
        for _ in range(rng.randrange(1, 200)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
    elif way == 2:
        # The header: sizes, rates, counts.
        for _ in range(rng.randrange(1, 12)):
            broken[rng.randrange(min(128, len(broken)))] = rng.choice((0, 127, 255))
    elif way == 3:
        begin = rng.randrange(len(broken))
        end = begin + rng.randrange(1, 65_536)
        broken[begin:end] = bytes(len(broken[begin:end]))
    elif way == 4:
        begin, other = rng.randrange(len(broken)), rng.randrange(len(broken))
        broken[begin:begin] = broken[other : other + rng.randrange(1, 65_536)]
    else:
        return rng.randbytes(64) + bytes(broken)
    return bytes(broken)


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    """Decode a file; return the outcome, and the fault if there is one."""
    from common.media_analysis import decode_limits
    from recognition.analysis import analyse_file
    from recognition.errors import RecognitionError

    path.write_bytes(content)
    try:
        analyse_file(path, limits=decode_limits())
    except RecognitionError as refused:
        return f"refused: {type(refused).__name__}", ""
    except Exception as error:  # noqa: BLE001 - any other exception is the fault
        return "", f"{type(error).__name__}: {error}"
    finally:
        path.unlink()
    return "decoded", ""


def _feed_media(
    report: Report,
    bases: list[tuple[str, bytes]],
    args: argparse.Namespace,
    work: Path,
) -> None:
    # The first child process waits for compilation, so it is not counted.
    _decoded(work / f"whole.{bases[0][0]}", bases[0][1])

    def feed(number: int) -> tuple[str, str, float]:
        suffix, content = bases[number % len(bases)]
        broken = _mutated(content, _rng(args.seed, "media", number))
        begun = time.monotonic()
        outcome, fault = _decoded(work / f"broken-{number}.{suffix}", broken)
        fault_line = f"#{number} {suffix}: {fault}" if fault else ""
        return outcome, fault_line, time.monotonic() - begun

    begun = time.monotonic()
    with ThreadPoolExecutor(args.workers) as pool:
        fed = list(pool.map(feed, range(args.media)))
    outcomes = Counter(outcome for outcome, fault, _took in fed if not fault)
    faults = [fault for _outcome, fault, _took in fed if fault]
    slowest = max(took for _outcome, _fault, took in fed)
    report.line(f"{time.monotonic() - begun:.0f} s")
    report.table(["outcome", "files"], outcomes.most_common())
    report.table(
        ["", "measured", "limit"],
        [
            ("neither decoded nor refused", len(faults), 0),
            ("slowest, s", f"{slowest:.1f}", _MEDIA_WALL_S),
        ],
    )
    for fault in faults[:10]:
        report.line(fault)
    report.check("every file is decoded or refused", reached=not faults)
    report.check("no file hangs", reached=slowest < _MEDIA_WALL_S)


# --- Bodies -----------------------------------------------------------------------

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
        return _mutated(text, rng), "application/json"
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
    return _mutated(whole, rng) if rng.random() < 0.5 else whole


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
    _set_up(work)
    call = _caller()
    operations = list(_operations())
    fed = Fed(operations=len(operations))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
    for number in numbers:
        rng = _rng(seed, "body", number)
        method, path = operations[number % len(operations)]
        body, content_type = _body(rng)
        begun = time.monotonic()
        status = call(method, path, body, content_type, rng)
        fed.slowest = max(fed.slowest, time.monotonic() - begun)
        fed.statuses[f"{status // 100}xx"] += 1
        if status >= 500:
            fed.faults.append(
                f"#{number} {status}: {method} {path} {content_type} {body[:200]!r}"
            )
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
    fed.grown = after - before
    return fed


def _feed_bodies(report: Report, args: argparse.Namespace, work: Path) -> None:
    """Send all bodies, divided among the processes."""
    begun = time.monotonic()
    shares = [range(share, args.bodies, args.workers) for share in range(args.workers)]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.workers, mp_context=spawned) as pool:
        fed = list(
            pool.map(
                _feed_share,
                [work / f"share-{share}" for share in range(args.workers)],
                [args.seed] * args.workers,
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
            ("slowest, s", f"{slowest:.1f}", _CALL_WALL_S),
            ("memory growth, MiB", f"{grown:.0f}", _GROWTH_MIB),
        ],
    )
    for fault in faults[:10]:
        report.line(fault)
    report.check("no 5xx", reached=not faults)
    report.check("no call hangs", reached=slowest < _CALL_WALL_S)
    report.check("memory growth is limited", reached=grown < _GROWTH_MIB)


Call = Callable[[str, str, bytes, str, random.Random], int]


def _caller() -> Call:
    """Return a function that makes one call as an admin and undoes its changes."""
    from django.db import transaction
    from django.test import Client

    from accounts.roles import Role
    from accounts.services import create_user
    from accounts.tokens import create_token
    from catalogue.services import create_bucket
    from scanning.models import Container, ScannedFile

    admin = create_user(username="hostile", password=None, role=Role.ADMIN)
    bucket = create_bucket(name="Bucket", user=admin)
    container = Container.objects.create(name="Container")
    file = ScannedFile.objects.create(container=container, name="a", sha256="0" * 64)
    known = {
        "container_id": container.pk,
        "bucket_id": bucket.pk,
        "ids": file.uid,
        "uid": file.uid,
    }
    secret = create_token(owner=admin, name="hostile", scopes=["all"]).secret
    wire = Client(raise_request_exception=False, SERVER_NAME="localhost")
    session = Client(raise_request_exception=False, SERVER_NAME="localhost")
    session.force_login(admin)

    def call(
        method: str, path: str, body: bytes, content_type: str, rng: random.Random
    ) -> int:
        for name, value in known.items():
            odd = rng.choice(("0", "x" * 300, "-1", "%00", "9" * 30))
            given = value if rng.random() < 0.7 or name == "uid" else odd
            path = path.replace(f"{{{name}}}", str(given))
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


if __name__ == "__main__":
    raise SystemExit(main())

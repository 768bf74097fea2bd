"""Broken media and broken API bodies: nothing may crash, hang, or take the machine.

``python -m benchmarks.hostile --check``: mutated real files through the decoder's own
process and its limits, and mutated bodies through every operation of the two APIs, in
this process, each undone afterwards. ``--media`` and ``--bodies`` set how many. The
system holds a decoder to its memory (``ACRPORTAL_DECODE_MEMORY_BYTES``); one that
wants more ends, and its file counts as refused.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import av

from benchmarks.corpus import DEMO
from benchmarks.installation import set_up
from benchmarks.report import Report, machine, parser, workplace

_FORMATS = {"wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame"}
_READ = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")
_SECONDS = 12
_MEDIA_WALL_S = 60.0
_CALL_WALL_S = 10.0
_MIB = 1024
_GROWTH_MIB = 512


def main(argv: Sequence[str] | None = None) -> int:
    """Mutate, feed, count."""
    args = _arguments(argv)
    report = Report()
    rng = random.Random(args.seed)  # noqa: S311 - no secret
    with workplace() as folder:
        work = Path(folder)
        _set_up(work)
        report.title(f"{args.media:,} mutated media files")
        report.line(machine())
        _feed_media(report, _bases(args.music, work), args.media, work, rng)
        report.title(f"{args.bodies:,} mutated API bodies")
        _feed_bodies(report, args.bodies, rng)
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--media", type=int, default=10_000)
    made.add_argument("--bodies", type=int, default=100_000)
    return made.parse_args(argv)


def _set_up(work: Path) -> None:
    """Make this process an installation of its own."""
    set_up(
        work / "data",
        f"sqlite:///{work}/portal.sqlite3",
        ACRPORTAL_API_THROTTLE="off",
        LOG_LEVEL="CRITICAL",
    )
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


# --- Media ------------------------------------------------------------------------


def _bases(folder: Path | None, work: Path) -> list[tuple[str, bytes]]:
    """Return some seconds of real sound in each format: suffix and content."""
    sources = sorted((folder or DEMO).rglob("*.*"), key=lambda one: one.stat().st_size)
    source = next(one for one in reversed(sources) if one.suffix in _READ)
    made = [(source.suffix[1:], source.read_bytes())]
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
    """Return a file that is broken in one of the ways in which files break."""
    broken = bytearray(content)
    way = rng.randrange(6)
    if way == 0:
        return bytes(broken[: rng.randrange(len(broken))])
    if way == 1:
        for _ in range(rng.randrange(1, 200)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
    elif way == 2:
        # The head: sizes, rates, counts.
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


def _feed_media(
    report: Report,
    bases: list[tuple[str, bytes]],
    count: int,
    work: Path,
    rng: random.Random,
) -> None:
    from common.media_analysis import decode_limits
    from recognition.analysis import analyse_file
    from recognition.errors import RecognitionError

    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    slowest = 0.0
    for number in range(count):
        suffix, content = bases[number % len(bases)]
        path = work / f"broken.{suffix}"
        path.write_bytes(_mutated(content, rng))
        begun = time.monotonic()
        try:
            analyse_file(path, limits=decode_limits())
            outcomes["decoded"] += 1
        except RecognitionError as refused:
            outcomes[f"refused: {type(refused).__name__}"] += 1
        except Exception as error:  # noqa: BLE001 - whatever else comes is the fault
            faults.append(f"#{number} {suffix}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.monotonic() - begun)
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
    *(None, True, [], {}, "", 0, -1, 2**63, 10**400, 1e308, "\0", "\ud800", "٣"),
    *("=1+1", "<script>", "../../etc/passwd", "%s%n", "a" * 70_000, [[[[]]]]),
    *({"$ne": 1}, "2026-13-45", "http://127.0.0.1/", "🎵" * 300, float("nan")),
)
_FIELDS = (
    *("name", "title", "buckets", "bucket_id", "engine", "policy", "state", "ids"),
    *("data_type", "url", "file", "user_defined", "audio_type", "custom_id", "labels"),
    *("callback_url", "region", "id", "target_bucket_id", "container", "links", "tags"),
    *("published_at", "programme", "scan_again", "key", "access_key", "signature"),
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
    told = {name: _value(rng) for name in rng.sample(_FIELDS, rng.randrange(1, 8))}
    text = json.dumps(told).encode()
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
        pairs = "&".join(f"{name}={value}" for name, value in told.items())
        return pairs.encode("utf-8", "replace"), "application/x-www-form-urlencoded"
    if way == 4:
        return _multipart(told, rng), "multipart/form-data; boundary=b"
    return text, "application/json"


def _multipart(told: dict[str, Any], rng: random.Random) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"'
        f"{rng.choice(('', '; filename=../x.wav'))}\r\n\r\n{value}\r\n"
        for name, value in told.items()
    ]
    whole = "".join([*parts, "--b--\r\n"]).encode("utf-8", "replace")
    return _mutated(whole, rng) if rng.random() < 0.5 else whole


def _operations() -> Iterator[tuple[str, str]]:
    """Return method and address of every operation, filled with what is there."""
    from drf_spectacular.generators import SchemaGenerator

    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    document = generator.get_schema(request=None, public=True)
    for path, methods in document["paths"].items():
        for method in methods:
            if method in {"get", "post", "put", "delete"}:
                yield method.upper(), path


def _feed_bodies(report: Report, count: int, rng: random.Random) -> None:
    call = _caller()
    operations = list(_operations())
    statuses: Counter[str] = Counter()
    faults: list[str] = []
    slowest = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
    for number in range(count):
        method, path = operations[number % len(operations)]
        body, content_type = _body(rng)
        begun = time.monotonic()
        status = call(method, path, body, content_type, rng)
        slowest = max(slowest, time.monotonic() - begun)
        statuses[f"{status // 100}xx"] += 1
        if status >= 500:
            faults.append(f"{status}: {method} {path} {content_type} {body[:200]!r}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB - before
    report.table(["answer", "calls"], sorted(statuses.items()))
    report.table(
        ["", "measured", "limit"],
        [
            ("operations", len(operations), ""),
            ("answered 5xx or not at all", len(faults), 0),
            ("slowest, s", f"{slowest:.1f}", _CALL_WALL_S),
            ("memory grown by, MiB", f"{grown:.0f}", _GROWTH_MIB),
        ],
    )
    for fault in faults[:10]:
        report.line(fault)
    report.check("no 5xx", reached=not faults)
    report.check("no call hangs", reached=slowest < _CALL_WALL_S)
    report.check("memory stays", reached=grown < _GROWTH_MIB)


Call = Callable[[str, str, bytes, str, random.Random], int]


def _caller() -> Call:
    """Return a function that makes one call as an admin and undoes what it did."""
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
    secret = create_token(owner=admin, name="hostile").secret
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

"""The web worker's handling of a request that is still arriving."""

from __future__ import annotations

import pytest

from acrportal.arrival import (
    HEAD_BYTES,
    SIGNED_BODY_BYTES,
    SMALL_BODY_BYTES,
    TRAILER_BYTES,
    RequestArrival,
    Stage,
)
from web.acrapi.views.identify import MAX_BODY_BYTES

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def _post(length: int, path: str = "/") -> bytes:
    return f"POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode()


WHOLE = {
    "no body": _GET,
    "empty lines before": b"\r\n\r\n" + _GET,
    "a form": _post(4) + b"a=bc",
    "chunks": _CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "chunks that look like the end": _CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "trailers": _CHUNKED + b"0\r\nA: b\r\n\r\n",
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_a_request_is_whole_with_its_last_byte(kind: str, step: int) -> None:
    request, arrival = WHOLE[kind], RequestArrival()

    stages = [arrival.add(request[at : at + step]) for at in range(0, len(request), step)]

    assert stages[-1] is Stage.WHOLE
    assert set(stages[:-1]) <= {Stage.WAIT}


def test_large_bodies_are_not_collected() -> None:
    assert RequestArrival().add(_post(SMALL_BODY_BYTES + 1)) is Stage.LARGE
    assert RequestArrival().add(_post(SMALL_BODY_BYTES)) is Stage.WAIT


def test_endless_chunks_are_not_collected() -> None:
    chunk = b"1000\r\n" + bytes(0x1000) + b"\r\n"
    arrival = RequestArrival()
    arrival.add(_CHUNKED)

    stages = [arrival.add(chunk) for _ in range(SMALL_BODY_BYTES // 0x1000 + 1)]

    assert stages[-1] is Stage.LARGE
    assert set(stages[:-2]) == {Stage.WAIT}


@pytest.mark.parametrize(
    "target",
    [*("/v1/identify?a", "/v1/identify#a", "/v1/%69dentify"), "http://localhost/v1/identify"],
)
def test_clips_are_collected_whole_however_their_address_is_written(target: str) -> None:
    """A clip's sender is known only at its end, so no thread waits for it."""
    assert SIGNED_BODY_BYTES == MAX_BODY_BYTES
    assert RequestArrival().add(_post(SIGNED_BODY_BYTES, target)) is Stage.WAIT
    assert RequestArrival().add(_post(SIGNED_BODY_BYTES + 1, target)) is Stage.LARGE


def test_empty_lines_count_and_end() -> None:
    """The worker's count of held bytes never came back from those that were dropped."""
    arrival = RequestArrival()

    assert arrival.add(b"\r\n" * 100 + _GET) is Stage.WHOLE
    assert arrival.received == 200 + len(_GET)
    assert RequestArrival().add(b"\r\n" * HEAD_BYTES) is Stage.FIELDS_TOO_LARGE


def test_endless_heads_are_refused() -> None:
    arrival = RequestArrival()

    assert arrival.add(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10) is Stage.WAIT
    assert arrival.add(b"A: b\r\n" * (HEAD_BYTES // 6)) is Stage.FIELDS_TOO_LARGE


@pytest.mark.parametrize("size", ["zz", "-5", ""])
def test_chunks_without_a_size_are_left_to_the_server(size: str) -> None:
    assert RequestArrival().add(_CHUNKED + f"{size}\r\nabc".encode()) is Stage.WHOLE


@pytest.mark.parametrize(
    ("start", "extra"),
    [("0\r\n", b"A: b\r\n"), ("3\r\nabc\r\n0\r\n", b"x"), ("3;", b"x"), ("0;", b"x")],
)
def test_what_is_beside_a_body_in_chunks_is_limited(start: str, extra: bytes) -> None:
    arrival = RequestArrival()
    chunked = _CHUNKED.replace(b"POST /", b"POST /v1/identify")
    assert arrival.add(chunked + start.encode() + extra) is Stage.WAIT

    stage = arrival.add(extra * TRAILER_BYTES)

    assert stage is Stage.FIELDS_TOO_LARGE

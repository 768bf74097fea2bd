from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from recognition import jobs, limits
from recognition.audio import analysis, media
from recognition.errors import DecodeFailed, TooLong, TooShort, UnsupportedMedia
from recognition.isolation import client, wire
from recognition.isolation.confine import Limits, confine
from recognition.isolation.wire import MessageKind as Message
from recognition.limits import DecodeLimits, limits_for
from tests.recognition import media_files
from tests.recognition.media_files import Kind, melody, stereo


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    return media_files.wav(folder / "tune.wav", stereo(melody(12)))


@pytest.fixture(scope="module")
def long_tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 20 minutes of silence, which take a moment to process."""
    sound = np.zeros((1, 20 * 60 * 8000), dtype=np.float32)
    return media_files.wav(tmp_path_factory.mktemp("long") / "long.wav", sound, 8000)


def test_one_pass_yields_facts_fingerprint_and_waveform(tune: Path) -> None:
    result = analysis.analyse_file(tune)

    assert result.facts.container == "wav"
    assert result.facts.codec == "pcm_s16le"
    assert (result.facts.sample_rate, result.facts.channels) == (44_100, 2)
    assert result.facts.duration_ms == result.fingerprint.duration_ms == 12_000
    assert not result.facts.has_video
    assert result.fingerprint.reference is not None
    assert result.fingerprint.dense is not None
    assert result.fingerprint.level_map is not None
    assert len(result.waveform.peaks) == 12_000 // result.waveform.step_ms
    assert result.warnings == ()

    # Only the layers asked for are made.
    bare = analysis.analyse_file(tune, layers=frozenset({"reference"})).fingerprint
    assert bare.reference is not None
    assert bare.dense is None
    assert bare.level_map is None


def test_silence_is_no_error_and_is_measured(tmp_path: Path) -> None:
    sound = np.concatenate([melody(4, 8000), np.zeros(6 * 8000, dtype=np.float32)])

    result = analysis.analyse_file(media_files.wav(tmp_path / "a.wav", sound, 8000))

    assert result.facts.silent_ms == pytest.approx(6000, abs=400)


def test_progress_rises_to_the_end(long_tune: Path) -> None:
    progress: list[float] = []

    analysis.analyse_file(long_tune, progress=progress.append)

    assert progress == sorted(progress)
    assert 0 <= progress[0] < progress[-1] <= 1
    assert len(progress) > 10


def test_what_progress_raises_ends_the_child_and_comes_through(long_tune: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        analysis.analyse_file(long_tune, progress=cancel)

    assert analysis.analyse_file(long_tune).facts.duration_ms == 1_200_000


def test_errors_of_the_child_arrive_as_they_were(tmp_path: Path) -> None:
    text = tmp_path / "a.mp3"
    text.write_text("no sound at all\n" * 50)
    short = media_files.wav(tmp_path / "short.wav", melody(1, 8000), 8000)
    long = media_files.wav(tmp_path / "long.wav", melody(10, 8000), 8000)

    with pytest.raises(UnsupportedMedia, match="text and no sound"):
        analysis.analyse_file(text)
    with pytest.raises(TooShort) as too_short:
        analysis.analyse_file(short)
    with pytest.raises(TooLong):
        analysis.analyse_file(long, limits=DecodeLimits(max_duration_ms=5000))

    assert too_short.value.seconds == pytest.approx(1, abs=0.01)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        analysis.analyse_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        analysis.analyse_file(tmp_path / "none.wav")
    with pytest.raises(UnsupportedMedia, match="regular"):
        analysis.analyse_file(Path("/dev/zero"))


def test_a_child_over_its_memory_is_a_failed_decode(long_tune: Path) -> None:
    limits = DecodeLimits(max_memory_bytes=1 << 16)

    with pytest.raises(DecodeFailed):
        analysis.analyse_file(long_tune, limits=limits)


def test_a_child_over_its_processor_time_is_a_failed_decode(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    media_files.silent_wav(path, seconds=6 * 3600)

    with pytest.raises(DecodeFailed, match="processor time"):
        analysis.analyse_file(path, limits=DecodeLimits(max_cpu_s=1))


def test_a_small_file_gets_little_processor_time(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(345_000))
    with large.open("wb") as file:
        file.truncate(2 << 30)

    assert limits_for(small, DecodeLimits()).max_cpu_s == 72
    assert limits_for(small, DecodeLimits(max_cpu_s=10)).max_cpu_s == 10
    assert limits_for(large, DecodeLimits()) == DecodeLimits()


@pytest.mark.slow
def test_hours_between_two_moments_of_sound_end_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = media_files.sparse(tmp_path / "sparse.mka", hours=40)
    monkeypatch.setattr(limits, "FIRST_CPU_S", 1)
    monkeypatch.setattr(limits, "BYTES_PER_CPU_S", path.stat().st_size)

    with pytest.raises(DecodeFailed, match="processor time"):
        analysis.analyse_file(path)


def test_a_child_that_takes_too_long_is_stopped(long_tune: Path) -> None:
    with long_tune.open("rb") as file, pytest.raises(DecodeFailed, match="too long"):
        client.run(request_for(long_tune), [file.fileno()], wall_s=0.01, on_message=ignore)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_child_that_crashes_is_a_failed_decode(number: signal.Signals, long_tune: Path) -> None:
    def crash(share: float) -> None:
        for child in children_of_host():
            os.kill(child, number)

    with pytest.raises(DecodeFailed, match=number.name):
        analysis.analyse_file(long_tune, progress=crash)


def test_a_host_that_dies_is_replaced(tune: Path) -> None:
    analysis.analyse_file(tune)
    os.kill(host_pid(), signal.SIGKILL)

    assert analysis.analyse_file(tune).facts.duration_ms == 12_000


def test_children_end_with_their_host(long_tune: Path) -> None:
    handles: list[int] = []

    def kill_host(share: float) -> None:
        if not handles:
            handles.extend(os.pidfd_open(child) for child in children_of_host())
            os.kill(host_pid(), signal.SIGKILL)

    with pytest.raises(DecodeFailed, match="lost"):
        analysis.analyse_file(long_tune, progress=kill_host)

    assert handles
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], 10)
        assert ended
        os.close(handle)


def test_several_threads_analyse_at_once(tune: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(analysis.analyse_file, [tune] * 8))

    assert {result.facts.duration_ms for result in results} == {12_000}


def test_a_forked_process_starts_a_host_of_its_own(tune: Path) -> None:
    analysis.analyse_file(tune)
    pid = os.fork()
    if pid == 0:
        result = analysis.analyse_file(tune)
        os._exit(0 if result.facts.duration_ms == 12_000 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert analysis.analyse_file(tune).facts.duration_ms == 12_000


def test_all_of_pyav_is_loaded_before_rights_are_taken() -> None:
    jobs.warm()

    for part in ("subtitles.codeccontext", "video.codeccontext", "sidedata.sidedata"):
        assert f"av.{part}" in sys.modules


def test_names_from_users_reach_the_child_as_a_suffix_only(tmp_path: Path) -> None:
    path = tmp_path / "‮a'b\"c \n;é.wav"
    media_files.wav(tmp_path / "a.wav", melody(4, 8000), 8000).rename(path)

    assert analysis.analyse_file(path).facts.duration_ms == 4000


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (lambda: Path("/etc/passwd").read_bytes(), PermissionError),
        (lambda: Path("/tmp/acrportal-test").write_bytes(b"x"), PermissionError),  # noqa: S108
        (socket.socket, PermissionError),
        (lambda: os.execv("/bin/true", ["true"]), PermissionError),  # noqa: S606
        (lambda: os.kill(os.getppid(), 0), PermissionError),
        (lambda: bytearray(1 << 29), MemoryError),
    ],
    ids=["read", "write", "network", "program", "signal", "memory"],
)
def test_a_confined_process_can_do_nothing_else(
    attempt: Callable[[], object], expected: type[BaseException]
) -> None:
    pid = os.fork()
    if pid == 0:
        confine(Limits(memory_bytes=1 << 28, cpu_s=10, output_bytes=0))
        try:
            attempt()
        except expected:
            os._exit(0)
        finally:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_messages_too_large_unknown_or_cut_off_are_not_taken() -> None:
    def received(data: bytes) -> object:
        ours, theirs = socket.socketpair()
        with ours:
            theirs.sendall(data)
            theirs.close()
            return wire.receive(ours, deadline=time.monotonic() + 60)

    with pytest.raises(wire.BrokenMessage, match="too large"):
        received(wire.HEADER.pack(Message.PROGRESS, 1 << 30))
    with pytest.raises(wire.BrokenMessage, match="unknown"):
        received(wire.HEADER.pack(99, 0))
    assert received(wire.HEADER.pack(Message.FACTS, 100) + b"half") is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Message.FACTS, b"no json"),
        (Message.FACTS, b'{"facts": {"container": "wav"}, "warnings": []}'),
        (Message.FACTS, b'{"facts": {"tags": 5}, "warnings": [1]}'),
        (Message.WAVEFORM, b"no waveform"),
        (Message.DONE, b""),
    ],
)
def test_what_a_child_sends_is_not_trusted(kind: Message, body: bytes) -> None:
    collected = analysis._Collected(None)

    with pytest.raises(DecodeFailed, match="misbehaved"):
        collected.take(kind, body)
    with pytest.raises(DecodeFailed, match="left something out"):
        collected.analysis()


@pytest.mark.parametrize(
    "error", [TooShort(0.3, 3), TooLong(3600), UnsupportedMedia("why"), DecodeFailed("how")]
)
def test_errors_cross_as_json(error: Exception) -> None:
    back = wire.failure_from_json(wire.failure_to_json(error))  # type: ignore[arg-type]

    assert type(back) is type(error)
    assert str(back) == str(error)


def test_the_rendition_is_small_opus_of_the_same_length(tune: Path, tmp_path: Path) -> None:
    target = tmp_path / "proxy.webm"

    media.write_proxy(tune, target)

    rendition = analysis.analyse_file(target)
    assert (rendition.facts.codec, rendition.facts.channels) == ("opus", 2)
    assert rendition.facts.duration_ms == pytest.approx(12_000, abs=30)
    assert target.stat().st_size < 12 * 64_000 / 8 * 1.2
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_rendition_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.mp3"
    source.write_bytes(b"nothing")
    folder = tmp_path / "made"
    folder.mkdir()

    with pytest.raises(UnsupportedMedia):
        media.write_proxy(source, folder / "proxy.webm")

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "flac"])
def test_an_excerpt_is_exact_to_the_sample(codec: str, tmp_path: Path) -> None:
    sound = stereo(melody(8), melody(8, seed=2))
    source = media_files.write(tmp_path / "a.mka", sound, Kind(".mka", codec, "matroska"))
    target = tmp_path / "part.flac"

    second_target = tmp_path / "other.flac"

    media.write_excerpts(source, [(second_target, 3000, 6200), (target, 2500, 6101)])

    step = 1 << (8 if codec == "pcm_s24le" else 16)
    part = media_files.read_exactly(target) // step
    whole = media_files.read_exactly(source) // step
    # Of the last millisecond, also the sample that it touches.
    np.testing.assert_array_equal(part, whole[:, 110_250:269_055])
    beside = media_files.read_exactly(second_target) // step
    np.testing.assert_array_equal(beside, whole[:, 132_300:273_420])


def test_an_excerpt_beyond_the_end_is_refused(tune: Path, tmp_path: Path) -> None:
    target = tmp_path / "made" / "part.flac"
    target.parent.mkdir()

    with pytest.raises(DecodeFailed, match="no sound in this interval"):
        media.write_excerpts(tune, [(target, 60_000, 70_000)])
    with pytest.raises(ValueError, match="end after it begins"):
        media.write_excerpts(tune, [(target, 2000, 2000)])

    assert list(target.parent.iterdir()) == []


def request_for(path: Path) -> dict[str, object]:
    return {
        "job": "analyse",
        "name": path.name,
        "layers": ["scan"],
        "output_bytes": 0,
        "limits": {
            "max_duration_ms": 10**9,
            "max_memory_bytes": 1 << 30,
            "max_cpu_s": 60,
            "min_duration_ms": 0,
        },
    }


def ignore(kind: Message, body: bytes) -> None:
    """Ignore a message."""


def host_pid() -> int:
    return next(process_children(os.getpid(), "recognition.isolation.host"))


def children_of_host() -> list[int]:
    return list(process_children(host_pid(), "recognition.isolation.host"))


def process_children(parent: int, command: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == parent and command in line and stat[0] != "Z":
            yield int(entry.name)

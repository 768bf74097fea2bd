"""``acrfp make`` and ``watch``: many files, each once, whatever interrupts the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recognition.__main__ import main
from recognition.commands import watch
from recognition.commands.sources import SourceFile
from recognition.fingerprints import file_format as fingerprint
from tests.recognition import media_files
from tests.recognition.media_files import melody

ROOT = Path(__file__).parents[2]


def sound(path: Path, seed: int = 1, seconds: float = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return media_files.wav(path, melody(seconds, 8000, seed=seed), 8000)


def make(*arguments: str | Path) -> int:
    return main(["make", "--json", "--processes", "1", *map(str, arguments)])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_is_made_once_and_a_changed_file_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music, out = tmp_path / "music", tmp_path / "out"
    first, second = sound(music / "a" / "x.wav"), sound(music / "b" / "x.wav", 2)
    (music / "cover.jpg").write_bytes(b"no sound")

    assert make("-r", music, "-o", out) == 0
    made = lines(capsys)
    assert make("-r", music, "-o", out) == 0
    again = lines(capsys)
    sound(second, 3)
    os.utime(second, (1, 1))
    assert make("-r", music, "-o", out) == 0
    changed = lines(capsys)

    assert made[0] == {
        "path": str(first),
        "status": "made",
        "output": str(out / "a" / "x.wav.acrfp"),
        "duration_s": 8.0,
        "size_bytes": (out / "a" / "x.wav.acrfp").stat().st_size,
        "warnings": [],
    }
    assert [line["status"] for line in made] == ["made", "made"]
    assert [line["status"] for line in again] == ["skipped", "skipped"]
    assert [line["status"] for line in changed] == ["skipped", "made"]
    assert fingerprint.load(out / "b" / "x.wav.acrfp").dense is not None


def test_a_damaged_or_poorer_output_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = sound(tmp_path / "x.wav")
    output = tmp_path / "x.wav.acrfp"

    for prepare, expected in (
        (["--only", "reference"], "made"),
        (["--only", "reference"], "skipped"),
        ([], "made"),
        (["--only", "reference"], "skipped"),
    ):
        assert make(track, *prepare) == 0
        assert lines(capsys)[0]["status"] == expected
    stamp = output.stat().st_mtime_ns
    output.write_bytes(output.read_bytes()[:-1])
    os.utime(output, ns=(stamp, stamp))
    assert make(track) == 0

    assert lines(capsys)[0]["status"] == "made"


def test_what_fails_is_named_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no sound\n" * 100)
    good, twin = sound(tmp_path / "a" / "x.wav"), sound(tmp_path / "b" / "x.wav")
    gone, out = tmp_path / "gone.wav", tmp_path / "out"

    assert make(bad, gone, good, twin, "-o", out) == 1

    output = capsys.readouterr()
    by_path = {line["path"]: line for line in map(json.loads, output.out.splitlines())}
    assert by_path[str(bad)]["error"]["code"] == "not_audio"
    assert by_path[str(gone)]["error"]["code"] == "unreadable"
    assert by_path[str(good)]["status"] == "made"
    assert by_path[str(twin)]["error"]["code"] == "same_output"
    assert all(f"{path}: " in output.err for path in (bad, gone, twin))
    assert [path.name for path in out.iterdir()] == ["x.wav.acrfp"]

    assert make(good, "-o", bad / "below") == 1
    assert "below/x.wav.acrfp cannot be written: Not a directory" in capsys.readouterr().err

    assert make(out / "x.wav.acrfp") == 1
    assert "already a fingerprint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["."], "add -r"),
        (["x.wav", "-o", "file"], "is a file"),
        (["x.wav", "--processes", "0"], "at least 1"),
    ],
)
def test_arguments_that_cannot_be_met_are_explained(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()

    assert main(["make", *arguments]) == 2

    assert message in capsys.readouterr().err


def test_a_terminal_shows_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tracks = [sound(tmp_path / f"{number}.wav", number) for number in range(2)]

    assert make(*tracks) == 0

    output = capsys.readouterr()
    assert "of 2 files" in output.err
    assert output.err.endswith("\r\x1b[K")
    assert len(output.out.splitlines()) == 2


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    # A child ignores what its parent ignores, and a shell lets the tests ignore Ctrl-C
    # when they run in the background.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "recognition", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, usual)


def next_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


@pytest.mark.soak
def test_work_goes_on_after_ctrl_c_and_a_kill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music, out = tmp_path / "music", tmp_path / "out"
    for number in range(6):
        sound(music / f"{number}.wav", number, seconds=60)
    command = ("make", "-r", music, "-o", out, "--processes", "1", "--json")

    with start(*command) as process:
        assert next_line(process)["status"] == "made"
        process.send_signal(signal.SIGINT)
        # A closed pipe would end the command in another way.
        process.communicate()
    # An interrupted command leaves nothing half done.
    assert process.returncode == 130
    assert {path.suffix for path in out.iterdir()} == {".acrfp"}
    assert not list(out.glob(".*"))

    with start(*command) as process:
        while next_line(process)["status"] != "made":
            pass
        process.kill()
    # Whatever has its final name is whole.
    whole = [fingerprint.load(path) for path in out.glob("[0-9].wav.acrfp")]
    assert make("-r", music, "-o", out) == 0
    statuses = [line["status"] for line in lines(capsys)]

    assert statuses == ["skipped"] * len(whole) + ["made"] * (6 - len(whole))
    assert 1 < len(whole) < 6


def test_a_file_is_taken_once_it_rests(tmp_path: Path) -> None:
    growing, resting = tmp_path / "growing.wav", tmp_path / "resting.wav"
    looks: Iterator[list[SourceFile]] = watch.settled([tmp_path], lambda: None)

    def look() -> list[str]:
        return [source.path.name for source in next(looks)]

    resting.write_bytes(b"1")
    growing.write_bytes(b"1")
    seen = [look()]
    growing.write_bytes(b"12")
    seen += [look(), look(), look()]
    growing.write_bytes(b"123")
    resting.unlink()
    seen += [look(), look(), look()]

    assert seen == [[], ["resting.wav"], ["growing.wav"], [], [], ["growing.wav"], []]


def test_watching_makes_what_arrives(tmp_path: Path) -> None:
    music, out = tmp_path / "music", tmp_path / "out"
    sound(music / "early.wav")

    with start("watch", music, "-o", out, "--every", "0.2", "--json") as process:
        first = next_line(process)
        sound(tmp_path / "late.wav", 2).rename(music / "late.wav")
        second = next_line(process)
        process.kill()

    assert [first["output"], second["output"]] == [
        str(out / "early.wav.acrfp"),
        str(out / "late.wav.acrfp"),
    ]


def test_a_plot_shows_each_landmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    track, picture = sound(tmp_path / "a&b.wav"), tmp_path / "plot.svg"
    assert make(track) == 0
    made = fingerprint.load(tmp_path / "a&b.wav.acrfp")
    assert made.reference is not None
    assert made.dense is not None

    assert main(["plot", str(track), "-o", str(picture)]) == 0

    text = picture.read_text()
    assert "<title>a&amp;b.wav</title>" in text
    assert text.count("h0") == len(made.reference.frames) + len(made.dense.frames)
    assert main(["plot", str(track), "-o", str(picture), "--from", "99"]) == 2
    assert "has only 8 s" in capsys.readouterr().err
    assert main(["plot", str(picture), "-o", str(tmp_path / "no.svg")]) == 1
    assert f"{picture}: " in capsys.readouterr().err

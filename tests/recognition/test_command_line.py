from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recognition.__main__ import main
from recognition.api.collection import BUCKET, Collection
from recognition.commands.console import printable
from recognition.errors import IndexCorrupt
from recognition.fingerprints import file_format as fingerprint
from tests.audio import RATE, silence, wav_bytes
from tests.processes import python
from tests.recognition import media_files
from tests.recognition.media_files import melody

DEMO = Path(__file__).parents[2] / "demo"
TRACKS = ["castle", "graveyard", "palace"]
CASTLE = DEMO / "castle.opus"
PROGRAMME = DEMO / "programmes" / "programme-evening.opus"


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def json_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli") / "index"
    assert run("add", "--index", root, *(DEMO / f"{t}.opus" for t in TRACKS)) == 0
    return root


def test_a_programme_is_scanned_against_what_was_added(
    index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("scan", "--index", index, PROGRAMME, "--json")

    (line,) = json_lines(capsys)
    assert code == 0
    assert line["path"] == str(PROGRAMME)
    assert line["duration_s"] == pytest.approx(162, abs=0.1)
    first = line["segments"][0]
    assert set(first) == {
        *("recording_id", "start_s", "end_s", "reference_start_s", "reference_end_s"),
        *("tempo_ratio", "pitch_cents", "track", "low_hz", "high_hz", "score", "bits"),
    }
    assert {segment["recording_id"] for segment in line["segments"]} == {"palace", "graveyard"}
    assert {"start_s", "end_s", "kind"} <= set(line["unmatched"][0])
    assert "silence" in {interval["kind"] for interval in line["unmatched"]}


def test_people_get_a_table(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("scan", "--index", index, PROGRAMME) == 0

    table = capsys.readouterr().out
    assert "graveyard" in table
    assert "no match" in table
    assert "silence" in table


def test_a_manifest_names_the_recordings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media_files.wav(tmp_path / "a b.wav", melody(8, 8000), 8000)
    media_files.wav(tmp_path / "other.wav", melody(8, 8000, seed=2), 8000)
    table = tmp_path / "list.csv"
    table.write_text("title,track_id,path\nA,T-1,a b.wav\n", encoding="utf-8-sig")

    code = run(
        *("add", "--index", tmp_path / "ix", "--manifest", table),
        *(tmp_path / "a b.wav", tmp_path / "other.wav"),
    )

    assert code == 0
    assert capsys.readouterr().out.splitlines() == ["added T-1 (0:08)", "added other (0:08)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,file\n1,a\n", "columns track_id and path"),
        ("track_id,path\n,a.wav\n", "line 2: track_id or path is empty"),
    ],
)
def test_a_wrong_manifest_is_explained(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "list.csv"
    table.write_text(text)

    assert run("add", "--index", tmp_path / "ix", "--manifest", table) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_bad_file_is_named_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "it's ‮bad\".mp3"
    bad.write_text("no sound\n" * 100)
    short = media_files.wav(tmp_path / "short.wav", melody(0.3, 8000), 8000)
    good = media_files.wav(tmp_path / "good.wav", melody(8, 8000), 8000)
    root = tmp_path / "ix"

    assert run("add", "--index", root, bad, good, short, tmp_path / "none.wav") == 1

    output = capsys.readouterr()
    assert output.out == "added good (0:08)\n"
    reports = output.err.splitlines()
    assert [line.rpartition(": ")[0] for line in reports] == [
        printable(str(bad)),
        str(short),
        str(tmp_path / "none.wav"),
    ]

    assert run("scan", "--index", root, bad, good, short, "--json") == 1
    first, second, third = json_lines(capsys)
    assert first["error"]["code"] == "not_audio"
    assert second["segments"][0]["recording_id"] == "good"
    assert third["error"]["code"] == "too_short"
    assert "0.3 s" in third["error"]["message"]


@pytest.mark.slow
def test_recordings_with_too_little_sound_are_added_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    click = silence(10)
    click[5 * RATE] = 0.9
    sounds = {"silence": silence(10), "click": click, "constant": silence(10) + 0.5}
    for name, sound in sounds.items():
        (tmp_path / f"{name}.wav").write_bytes(wav_bytes(sound))
    paths = [tmp_path / f"{name}.wav" for name in sounds]
    index = tmp_path / "index"

    assert run("add", *paths, "--index", index) == 0

    assert capsys.readouterr().out.splitlines() == [
        f"added {name} (0:10); it holds too little sound to be found" for name in sounds
    ]
    for command in ("verify", "compact", "rebuild"):
        assert run(command, "--index", index) == 0
    assert run("scan", *paths, "--index", index) == 0


@pytest.mark.slow
def test_adding_the_same_name_again_replaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, path = tmp_path / "ix", tmp_path / "x.wav"
    old = media_files.wav(tmp_path / "old.wav", melody(10, 8000, seed=1), 8000)
    media_files.wav(path, melody(10, 8000, seed=1), 8000)
    run("add", "--index", root, path)
    media_files.wav(path, melody(10, 8000, seed=2), 8000)
    run("add", "--index", root, path)
    capsys.readouterr()

    run("scan", "--index", root, path, old, "--json")

    new_result, old_result = json_lines(capsys)
    assert [segment["recording_id"] for segment in new_result["segments"]] == ["x"]
    assert old_result["segments"] == []
    assert len(Collection(root)) == 1


@pytest.mark.slow
def test_a_fingerprint_file_stands_for_its_audio(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / f"{PROGRAMME.name}.acrfp"

    assert run("make", PROGRAMME, "-o", tmp_path) == 0
    capsys.readouterr()
    assert run("scan", "--index", index, PROGRAMME, made, "--json") == 0

    from_audio, from_file = json_lines(capsys)
    assert from_file["segments"] == from_audio["segments"]
    assert run("add", "--index", tmp_path / "ix", made) == 0


def test_a_fingerprint_of_another_maker_is_refused_with_the_way_to_ours(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor = tmp_path / "song.db.lo"
    vendor.write_bytes(bytes(100))

    assert run("scan", "--index", index, vendor, "--json") == 1

    output = capsys.readouterr()
    assert json.loads(output.out)["error"]["code"] == "bad_fingerprint"
    assert "acrfp make" in output.err


def test_compare_tells_how_two_files_relate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = DEMO / "castle.opus"
    copy = tmp_path / "copy.opus"
    copy.write_bytes(a.read_bytes())

    assert run("compare", a, copy, "--json") == 0
    assert run("compare", a, DEMO / "palace.opus", "--json") == 0
    assert run("compare", a, copy) == 0

    out = capsys.readouterr().out
    same, different = (json.loads(line) for line in out.splitlines()[:2])
    assert same["relation"] == "exact_file"
    assert same["coverage_a"] > 0.97
    assert different["relation"] == "none"
    assert "covers" in out


def test_info_verify_compact_and_rebuild(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "--index", index, "--json") == 0
    before = json.loads(capsys.readouterr().out)
    assert before["recordings"] == 3
    assert before["duration_s"] == pytest.approx(180, abs=1)

    assert run("compact", "--index", index) == 0
    assert run("rebuild", "--index", index) == 0
    assert run("verify", "--index", index) == 0
    assert run("info", "--index", index) == 0

    out = capsys.readouterr().out
    assert out.startswith("sound\n")
    assert str(before["postings"]) in out


def test_verify_names_what_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "ix"
    track = media_files.wav(tmp_path / "track.wav", melody(8, 8000), 8000)
    run("add", "--index", root, track)
    landmarks_path = next((root / "landmarks").rglob("*.acrfp"))
    landmarks_path.write_bytes(landmarks_path.read_bytes()[:-9])

    assert run("verify", "--index", root) == 1

    assert "track: cannot read its landmarks" in capsys.readouterr().err


def test_an_index_of_an_older_engine_says_how_to_rebuild_and_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "ix"
    track = media_files.wav(tmp_path / "track.wav", melody(8, 8000), 8000)
    run("add", "--index", root, track)
    params = "recognition.params.Params.index_hash"
    with monkeypatch.context() as patch:
        patch.setattr(params, lambda self: "another")
        assert run("scan", "--index", root, track) == 1
        assert f"acrfp rebuild --index {root}" in capsys.readouterr().err

        assert run("rebuild", "--index", root) == 0
        assert run("scan", "--index", root, track, "--json") == 0

    assert json_lines(capsys)[0]["segments"][0]["recording_id"] == "track"


def test_scanning_without_an_index_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("scan", "--index", tmp_path / "none", PROGRAMME) == 2

    assert "acrfp add" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_an_add_cut_short_is_finished_or_undone_by_the_next(tmp_path: Path) -> None:
    root = tmp_path / "ix"
    track = media_files.wav(tmp_path / "track.wav", melody(8, 8000), 8000)
    run("add", "--index", root, track)
    collection = Collection(root)
    collection.store.remove(BUCKET, 1)
    collection.store.add_many(BUCKET, [collection._postings(1)._replace(recording=77)])
    with (root / "names.jsonl").open("ab") as names:
        names.write(b"0badc0de [2, half a li")

    next_track = media_files.wav(tmp_path / "other.wav", melody(8, 8000, seed=2), 8000)
    assert run("add", "--index", root, next_track) == 0

    healed = Collection(root)
    assert list(healed.store.recordings(BUCKET)) == [1, 2]
    assert [healed.track_id(1), healed.track_id(2)] == ["track", "other"]
    assert healed.verify() == []


def test_damaged_names_are_noticed(tmp_path: Path) -> None:
    root = tmp_path / "ix"
    track = media_files.wav(tmp_path / "track.wav", melody(8, 8000), 8000)
    run("add", "--index", root, track)
    names = root / "names.jsonl"
    names.write_bytes(names.read_bytes().replace(b"track", b"trick"))

    with pytest.raises(IndexCorrupt, match=r"names\.jsonl"):
        Collection(root)


def test_a_lost_line_of_the_names_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "ix"
    track = media_files.wav(tmp_path / "track.wav", melody(8, 8000), 8000)
    run("add", "--index", root, track)
    (root / "names.jsonl").write_bytes(b"")

    assert run("scan", "--index", root, track) == 1

    assert "has no line of recording 1" in capsys.readouterr().err
    assert "names.jsonl" in "".join(Collection(root).verify())
    assert run("rebuild", "--index", root) == 0
    assert run("scan", "--index", root, track) == 0


def test_only_landmarks_of_references_are_kept(index: Path) -> None:
    fingerprints = [fingerprint.load(path) for path in (index / "landmarks").rglob("*.acrfp")]

    assert len(fingerprints) == 3
    assert all(stored.reference is not None and stored.dense is None for stored in fingerprints)


def test_a_scan_loads_no_network_code_and_no_recurring_sound(index: Path) -> None:
    script = (
        "import sys\n"
        "from recognition.__main__ import main\n"
        f"main(['scan', '--index', {str(index)!r}, {str(CASTLE)!r}])\n"
        "unused = {'http.client', 'ssl', 'urllib.request'}\n"
        "unused |= {'recognition.commands.server', 'recognition.recurring.items'}\n"
        "print(sorted(unused & set(sys.modules)))\n"
    )
    done = python("-c", script, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.soak
@pytest.mark.slow
def test_files_are_scanned_side_by_side_in_their_order(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no sound", encoding="utf-8")
    files = [PROGRAMME, notes, DEMO / "castle.opus", DEMO / "mountain.opus"]

    outputs = []
    for processes in ("1", "3"):
        arguments = ["--json", "--processes", processes, *files]
        assert run("scan", "--index", index, *arguments) == 1
        outputs.append(json_lines(capsys))

    alone, side_by_side = outputs
    assert [line["path"] for line in alone] == [str(file) for file in files]
    assert side_by_side == alone


def test_a_killed_process_is_told(index: Path) -> None:
    files = [str(PROGRAMME)] * 8
    command = ["recognition", "scan", "--json", "--index", str(index)]
    scan = subprocess.Popen(
        [sys.executable, "-m", *command, "--processes", "2", *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert scan.stdout is not None
    assert json.loads(scan.stdout.readline())["path"] == str(PROGRAMME)
    os.kill(_pool_processes(scan.pid)[0], signal.SIGKILL)

    _, errors = scan.communicate(timeout=120)

    assert scan.returncode == 2
    assert "fewer --processes" in errors


def _pool_processes(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]

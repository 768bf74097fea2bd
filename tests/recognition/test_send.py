"""``acrfp send``: each file arrives once, and the token goes nowhere else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from recognition.__main__ import main
from recognition.commands.console import UsageError
from recognition.commands.credentials import server_address, token_for
from recognition.commands.sent_log import SentLog
from recognition.commands.server import ServerClient
from recognition.commands.uploads import NoAnswer, Target, TargetKind, Upload
from tests.recognition import media_files
from tests.recognition.desk_server import TOKEN, DeskServer, busy, desk_server, refusal
from tests.recognition.media_files import melody

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def running() -> Iterator[DeskServer]:
    with desk_server() as server:
        yield server


@pytest.fixture
def server(running: DeskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskServer:
    for rows in (running.taken, running.keys, running.troubles, running.lost):
        rows.clear()
    monkeypatch.setenv("ACRFP_SERVER", running.base)
    monkeypatch.setenv("ACRFP_TOKEN", TOKEN)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return running


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("melody", "made-up"):
        shutil.copy(GOLDEN / f"{name}.acrfp", folder / f'{name} "é".wav.acrfp')
    return folder


def send(*arguments: str | Path) -> int:
    return main(["send", "--json", *map(str, arguments)])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_is_sent_once_whatever_the_files_are_called(
    server: DeskServer, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send("--container", "7", "-r", files) == 0
    first = lines(capsys)
    (files / 'melody "é".wav.acrfp').rename(files / "renamed.acrfp")
    assert send("--container", "7", "-r", files) == 0
    again = lines(capsys)
    assert send("--bucket", "8", files / "renamed.acrfp") == 0
    elsewhere = lines(capsys)

    assert [line["status"] for line in first] == ["sent", "sent"]
    assert first[1]["server"] == {"id": "f-2"}
    assert [line["status"] for line in again] == ["skipped", "skipped"]
    assert [line["status"] for line in elsewhere] == ["sent"]
    assert [row.get("name") for row in server.taken] == ['made-up "é".wav', 'melody "é".wav', None]
    sent = server.taken[1]
    assert sent["data_type"] == "fingerprint"
    assert bytes.fromhex(sent["content"]) == (GOLDEN / "melody.acrfp").read_bytes()
    assert sent["file"] == 'melody "é".wav.acrfp'
    assert server.taken[2]["title"] == "renamed"


def test_dedup_files_carry_an_id(server: DeskServer, files: Path) -> None:
    assert send("--dedup", "9", "-r", files) == 0

    assert [row["id"] for row in server.taken] == ['made-up "é".wav', 'melody "é".wav']


def test_audio_leaves_the_machine_only_when_asked(
    server: DeskServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = tmp_path / "song.wav"
    track.write_bytes(b"any sound")

    assert send("--bucket", "8", track) == 1
    assert "acrfp make" in capsys.readouterr().err
    assert not server.taken
    assert send("--bucket", "8", "--audio", track) == 0

    assert server.taken[0]["data_type"] == "audio"
    assert server.taken[0]["title"] == "song.wav"


def test_a_refused_file_is_named_and_the_others_go_on(
    server: DeskServer, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.troubles += [lambda: refusal(422, "unfit"), lambda: refusal(422, "already_in_catalogue")]

    assert send("--bucket", "8", "-r", files / "none.acrfp", files) == 1

    statuses = [line["status"] for line in lines(capsys)]
    assert statuses == ["failed", "failed", "duplicate"]
    # The refused one is tried again, the duplicate is not.
    assert send("--bucket", "8", "-r", files) == 0
    assert [line["status"] for line in lines(capsys)] == ["sent", "skipped"]


def test_a_busy_server_is_asked_again(server: DeskServer, files: Path) -> None:
    server.troubles += [busy, lambda: None, busy, busy]

    assert send("--container", "7", "-r", files) == 0

    assert len(server.taken) == 2


def test_a_lost_answer_does_not_send_a_file_twice(
    server: DeskServer, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # It was taken, but the answer says otherwise.
    server.lost.append(busy)

    assert send("--container", "7", "-r", files) == 0

    assert len(server.taken) == 2
    assert len(set(server.keys)) == 2
    assert lines(capsys)[0]["server"] == {"id": "f-1"}


def test_another_file_of_the_same_name_is_not_taken_for_it(
    server: DeskServer, tmp_path: Path
) -> None:
    first, second = tmp_path / "a" / "x.acrfp", tmp_path / "b" / "x.acrfp"
    for path, golden in ((first, "melody"), (second, "made-up")):
        path.parent.mkdir()
        shutil.copy(GOLDEN / f"{golden}.acrfp", path)
    server.troubles += [lambda: None, busy]

    assert send("--container", "7", first, second) == 0

    assert len({row["content"] for row in server.taken}) == 2


def test_what_a_killed_command_sent_is_not_sent_again(
    server: DeskServer, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrived, killed = threading.Event(), threading.Event()

    def hold() -> Response | None:
        arrived.set()
        assert killed.wait(60)
        return None

    # The second file is stored, and the command dies before it hears of that.
    server.lost += [lambda: None, hold]
    command = ["send", "--json", "--container", "7", "-r", str(files)]
    with subprocess.Popen(
        [sys.executable, "-m", "recognition", *command], cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        assert arrived.wait(60)
        process.kill()
        process.wait()
        killed.set()
    with (tmp_path / "state" / "acrfp" / "sent.jsonl").open("ab") as log:
        log.write(b'{"target": "half a li')
    assert main(command) == 0

    assert [line["status"] for line in lines(capsys)] == ["skipped", "skipped"]
    assert len(server.taken) == 2


def test_watching_sends_what_it_makes(
    server: DeskServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    media_files.wav(music / "a.wav", melody(8, 8000), 8000)
    # The server refuses the first try for all files, so it waits for the next check.
    server.troubles.append(lambda: refusal(403, "forbidden"))
    command = ["watch", str(music), "-o", str(tmp_path / "out"), "--every", "0.2"]
    with subprocess.Popen(
        [sys.executable, "-m", "recognition", *command, "--bucket", "8", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        made, sent = (json.loads(process.stdout.readline()) for _ in range(2))
        process.kill()

    assert (made["status"], sent["status"]) == ("made", "sent")
    assert [row["title"] for row in server.taken] == ["a.wav"]


@pytest.mark.parametrize(
    ("target", "token", "message"),
    [
        (["--container", "7"], "wrong", "This token is unknown"),
        (["--container", "99"], TOKEN, "no such thing"),
        (["--bucket", "../fs-containers/7"], TOKEN, "no such thing"),
        (["--container", "7"], "", "There is no token"),
        (["--container", "7"], "a\nb", "characters"),
    ],
)
def test_what_would_fail_for_all_files_fails_first(
    server: DeskServer,
    files: Path,
    target: list[str],
    token: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ACRFP_TOKEN", token)
    monkeypatch.setenv("ACRFP_CREDENTIALS", str(tmp_path / "none"))

    assert send(*target, "-r", files) == 2

    output = capsys.readouterr()
    assert message in output.err
    assert not output.out
    assert not server.taken


def test_redirects_do_not_carry_the_token_away(
    server: DeskServer, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.troubles.append(
        lambda: Response(status=302, headers={"Location": "http://127.0.0.2:9/"})
    )

    assert send("--container", "7", "-r", files) == 2

    assert "redirects to http://127.0.0.2:9/" in capsys.readouterr().err


def test_a_server_that_is_away_ends_the_command_with_a_way_on(tmp_path: Path) -> None:
    client = ServerClient("http://127.0.0.1:9", TOKEN, pauses_s=(0, 0))
    path = GOLDEN / "melody.acrfp"
    upload = Upload(path, "melody", path.stat().st_size, "0", is_fingerprint=True)
    target = Target(TargetKind.BUCKET, "8")

    with pytest.raises(NoAnswer, match="does not answer"):
        client.check(target)
    with pytest.raises(NoAnswer, match="does not answer"):
        client.send(target, upload, datetime.now(tz=UTC), other_ids=())


def test_tokens_come_from_the_file_of_one_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials"
    path.write_text("[https://a.example]\ntoken = acrp_a%\n[https://b.example:8]\ntoken=b")
    path.chmod(0o600)
    monkeypatch.delenv("ACRFP_TOKEN", raising=False)
    monkeypatch.setenv("ACRFP_CREDENTIALS", str(path))

    assert token_for("https://a.example") == "acrp_a%"
    assert token_for("https://b.example:8") == "b"
    with pytest.raises(UsageError, match="no token for https://c"):
        token_for("https://c.example")
    path.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        token_for("https://a.example")
    path.chmod(0o600)
    path.write_text("token = secret\n")
    with pytest.raises(UsageError) as refused:
        token_for("https://a.example")
    assert "secret" not in str(refused.value)


def test_unsafe_addresses_are_refused_and_what_other_clients_append_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACRFP_SERVER", raising=False)

    for address, message in (
        ("http://portal.example", "no encryption"),
        ("portal.example", "begin with https"),
        ("ftp://portal.example", "begin with https"),
        ("https://user:secret@portal.example", "more than a host"),
        ("https://portal.example?token=x", "more than a host"),
        (None, "--server"),
    ):
        with pytest.raises(UsageError, match=message):
            server_address(address)
    assert server_address("https://portal.example/api/") == "https://portal.example"
    assert server_address("http://localhost:8000") == "http://localhost:8000"


@given(st.binary(max_size=300))
def test_any_bytes_in_the_log_do_no_harm(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    lines = [
        data,
        b'{"target": "t", "sha256": "d", "as": 7}',
        b'{"target": "t", "sha256": "d", "name": "n", "since": "soon"}',
        b'["t", "d"]',
    ]
    path.write_bytes(b"\n".join(lines))

    with SentLog(path).turn("t", "d") as turn:
        assert turn.sent_as is None
        assert turn.begun is None
        turn.end("n", {"id": 1})
    with SentLog(path).turn("t", "d") as turn:
        assert turn.sent_as == {"id": 1}


def test_help_shows_no_way_to_pass_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        send("--help")

    assert "token" not in capsys.readouterr().out


_CONTROLS = "\x1b]0;owned\x07\x1b[2J\r\u202egpj.exe\x9b31m"


def _no_controls(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


def test_words_of_a_server_and_names_of_files_control_no_terminal(
    server: DeskServer, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(GOLDEN / "melody.acrfp", files / f"{_CONTROLS}.acrfp")
    body = json.dumps({"message": f"No. {_CONTROLS}", "code": _CONTROLS})
    server.troubles += [lambda: Response(body, 422)] * 2
    # The last one is a refusal of all files, which ends the command.
    server.troubles.append(lambda: Response(body, 403))

    codes = [main(["send", "--container", "7", "-r", str(files)])]
    server.troubles += [lambda: Response(body, 422)] * 3
    codes.append(main(["send", "--container", "7", "-r", str(files), "--json"]))
    codes.append(main(["send", "--container", "7", str(files / f"{_CONTROLS}.acrfp")]))

    output = capsys.readouterr()
    assert codes == [2, 1, 0]
    assert "No. \\x1b]0;owned\\x07" in output.err
    assert _no_controls(output.err)
    assert _no_controls(output.out)


_DEEP = "[" * 200_000
_NESTED = json.dumps({"data": {"id": json.loads("[" * 900 + "]" * 900)}})


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (_DEEP, 200),
        (_DEEP, 404),
        ('{"a":' * 200_000, 200),
        ('{"data":' + _DEEP, 200),
        ('{"data": 5}', 200),
        ("5" * 10_000, 200),
        ("\xff", 200),
    ],
)
def test_any_answer_of_a_server_ends_with_a_sentence(
    answer: str,
    status: int,
    server: DeskServer,
    files: Path,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = answer.encode("latin-1")
    httpserver.expect_request(re.compile("/")).respond_with_data(body, status)
    server.troubles += [lambda: Response(body, status)] * 2

    by_upload = main(["send", "--container", "7", "-r", str(files)])
    monkeypatch.setenv("ACRFP_SERVER", httpserver.url_for("")[:-1])
    by_check = main(["send", "--container", "7", "-r", str(files)])

    errors = capsys.readouterr().err
    assert by_upload in (1, 2)
    assert by_check in (1, 2)
    assert errors.count("\n") <= 6
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "answer",
    [_NESTED, '{"data": {"id": {"a": {"b": 1}}, "dup_files": [[1], null]}}', '{"data": {}}'],
)
def test_odd_names_of_a_sent_file_are_kept_plain(
    answer: str, server: DeskServer, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.troubles += [lambda: Response(answer, 201)] * 2

    assert send("--container", "7", "-r", files) == 0

    assert [line["status"] for line in lines(capsys)] == ["sent", "sent"]
    # The log can be read again.
    assert send("--container", "7", "-r", files) == 0
    assert {line["status"] for line in lines(capsys)} == {"skipped"}


@pytest.mark.parametrize("rows", [5, [1, None, "x"], {"name": "a"}, [{"id": [[]]}]])
def test_odd_lists_of_a_server_hold_no_file(
    rows: object, httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request(re.compile("/")).respond_with_json({"data": rows})
    client = ServerClient(httpserver.url_for("")[:-1], TOKEN)

    row = client.find(Target(TargetKind.CONTAINER, "7"), "a", datetime.now(tz=UTC), set())

    assert row is None

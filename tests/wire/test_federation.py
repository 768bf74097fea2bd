"""This portal with a second portal as its cloud, with and without faults between."""

from __future__ import annotations

from itertools import cycle

import pytest

from tests import audio
from tests.wire.faults import Decide, Fault
from tests.wire.federation import Federation

# Two portals call each other, and wait for timeouts after lost answers. In the gate,
# tests/scanning/test_cloud*.py speak with a stand-in.
pytestmark = pytest.mark.soak


def _clip(seed: int, start: int) -> bytes:
    return audio.wav_bytes(audio.tune(seed, 30)[start * audio.RATE : (start + 8) * audio.RATE])


def _first(method: str, *faults: Fault) -> Decide:
    """Return a rule that breaks the first calls of a method, one fault each."""
    waiting = list(faults)

    def decide(called: str, path: str) -> Fault | None:
        return waiting.pop(0) if called == method and waiting else None

    return decide


def test_file_is_scanned_rescanned_and_deleted_there_and_its_result_is_here(
    both: Federation,
) -> None:
    file_id = both.submit("plain.wav", _clip(1, 2))

    file = both.wait(file_id)

    assert file["state"] == 1
    titles = [item["result"]["title"] for items in file["results"].values() for item in items]
    assert titles == ["Tune 1"]
    assert any(
        method == "POST" and "/callbacks/acrcloud/accounts/" in path
        for method, path, _ in both.callbacks.calls
    )

    path = f"/api/fs-containers/{both.container}/files/{file_id}"
    both.here.call("PUT", f"{path}/rescan")
    assert both.wait(file_id)["state"] == 1
    assert any(
        method == "PUT" and called.endswith("/rescan") for method, called, _ in both.calls.calls
    )

    both.here.call("DELETE", path)
    for _ in both.seconds(60):
        if not any(copy["name"].startswith("plain") for copy in both.remote_files()):
            return
    raise AssertionError("the copy was not deleted")


def test_result_is_fetched_when_no_callback_comes(both: Federation) -> None:
    both.callbacks.decide = lambda _method, _path: Fault.SILENCE

    file = both.wait(both.submit("silence.wav", _clip(2, 3)))

    assert file["state"] == 1


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_of_a_send_leads_to_one_file_there_and_one_result(
    both: Federation, fault: Fault
) -> None:
    name = f"send-{fault.name}.wav"
    both.calls.decide = _first("POST", fault)

    file = both.wait(both.submit(name, _clip(1, 4)))

    there = [copy for copy in both.remote_files() if copy["name"].startswith(name)]
    assert file["state"] == 1
    assert len(there) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.SERVER, Fault.CUT, Fault.QUOTA])
def test_each_fault_of_a_question_is_asked_again(both: Federation, fault: Fault) -> None:
    both.calls.decide = _first("GET", fault, fault)

    file = both.wait(both.submit(f"ask-{fault.name}.wav", _clip(2, 5)))

    assert file["state"] == 1


def test_repeated_callbacks_change_nothing(both: Federation) -> None:
    both.callbacks.decide = lambda _method, _path: Fault.TWICE
    before = both.ledger()["succeeded"]

    file = both.wait(both.submit("twice.wav", _clip(1, 6)))

    assert file["state"] == 1
    assert both.ledger()["succeeded"] == before + 1


def test_every_fifth_call_failing_loses_nothing_and_doubles_nothing(both: Federation) -> None:
    kinds = cycle([Fault.REFUSED, Fault.LOST, Fault.SERVER, Fault.CUT])
    turn = cycle(range(5))
    both.calls.decide = lambda _method, _path: next(kinds) if not next(turn) else None
    both.callbacks.decide = both.calls.decide

    files = [both.submit(f"many-{n}.wav", _clip(1, n)) for n in range(8)]
    ended = [both.wait(file_id)["state"] for file_id in files]

    there = [copy for copy in both.remote_files() if copy["name"].startswith("many")]
    assert ended == [1] * 8
    assert len(there) == 8

"""Two portals: the fingerprint goes over the wire, the sound does not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from recognition.fingerprints.file_format import MAGIC
from tests import audio
from tests.wire.faults import Fault
from tests.wire.federation import Federation, add_recording, holds_sound
from tests.wire.live import DEMO

# Two portals in processes of their own. In the gate, test_acrfp sends fingerprints.
pytestmark = pytest.mark.soak

_PLAYED = ("castle", "palace")


@pytest.fixture(scope="module")
def fingerprints(two_portals: Federation) -> Iterator[Federation]:
    """Return the portals with an account that forbids sending audio; note all traffic."""
    two_portals.calls.records = two_portals.callbacks.records = True
    yield two_portals.sending("fingerprint_only")
    two_portals.calls.records = two_portals.callbacks.records = False


def scanned(pair: Federation, name: str, content: bytes) -> tuple[str, list[bytes]]:
    """Return the results of a file as text, and what went over the wire for it."""
    pair.calls.traffic.clear()
    pair.callbacks.traffic.clear()
    file = pair.wait(pair.submit(name, content))
    assert file["state"] == 1
    return json.dumps(file["results"]), [*pair.calls.traffic, *pair.callbacks.traffic]


def test_the_result_is_the_same_and_no_sound_is_sent(
    both: Federation, fingerprints: Federation
) -> None:
    sound = audio.wav_bytes(audio.tune(1, 30)[2 * audio.RATE : 12 * audio.RATE])

    by_audio, heard = scanned(both, "audio.wav", sound)
    by_fingerprint, sent = scanned(fingerprints, "fingerprint.wav", sound)

    assert by_fingerprint == by_audio
    assert "Tune 1" in by_audio
    assert holds_sound(heard, [sound])
    assert not holds_sound(sent, [sound])
    assert any(MAGIC in message for message in sent)
    [there] = fingerprints.remote_files()
    assert there["data_type"] == "fingerprint"
    sent_as = dict(both.ledger()["sent"])
    assert sent_as["audio.wav"] == "audio"
    assert sent_as["fingerprint.wav"] == "fingerprint"


def test_demo_files_have_the_same_results_at_both_portals(
    both: Federation, fingerprints: Federation
) -> None:
    for name in _PLAYED:
        sound = (DEMO / f"{name}.opus").read_bytes()
        add_recording(both.there, both.bucket, name, sound)
    names = [*_PLAYED, "programmes/programme-morning"]

    for name in names:
        sound = (DEMO / f"{name}.opus").read_bytes()
        title = name.rpartition("/")[2]
        by_audio, _ = scanned(both, f"{title}-a.opus", sound)
        by_fingerprint, sent = scanned(fingerprints, f"{title}-f.opus", sound)
        assert by_fingerprint == by_audio, name
        assert not holds_sound(sent, [sound])
        there = {
            file["name"].partition(" [")[0]: json.dumps(file["results"])
            for pair in (both, fingerprints)
            for file in pair.remote_files(with_results=True)
        }
        assert there[f"{title}-a.opus"] == there[f"{title}-f.opus"] != "null"


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CUT, Fault.QUOTA])
def test_a_fingerprint_arrives_once_whatever_fails(
    both: Federation, fingerprints: Federation, fault: Fault
) -> None:
    waiting = [fault]
    fingerprints.calls.decide = lambda method, _path: (
        waiting.pop() if method == "POST" and waiting else None
    )
    sound = audio.wav_bytes(audio.tune(2, 30)[: 9 * audio.RATE])

    file = fingerprints.wait(fingerprints.submit(f"{fault.name}.wav", sound))

    there = [copy for copy in fingerprints.remote_files() if copy["name"].startswith(fault.name)]
    assert file["state"] == 1
    assert [copy["data_type"] for copy in there] == ["fingerprint"]

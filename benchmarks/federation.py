"""Sends files from one portal to another while calls fail.

``python -m benchmarks.federation --files 200 --failing 0.2 --check``. Each call between
the two portals, in both directions, fails with the given probability: the connection is
refused, or the response is lost, truncated or a 500. ``--check`` exits with 1 unless
all files end with the right result, and no file is duplicated or lost.

``--clips N`` instead compares the results of audio and of fingerprints, for N clips of
each condition.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import federation_clips
from benchmarks.report import Report, music, parser, workplace
from tests import audio
from tests.wire.faults import Decide, Fault
from tests.wire.federation import Federation, federation

_KINDS = [Fault.REFUSED, Fault.LOST, Fault.SERVER, Fault.CUT]
_CLIP_SECONDS = 6


def failing(share: float, seed: int) -> Decide:
    """Return a rule that breaks a share of all calls, the same calls in each run."""
    rng = random.Random(seed)  # noqa: S311 - chooses faults, keeps no secret

    def decide(_method: str, _path: str) -> Fault | None:
        return rng.choice(_KINDS) if rng.random() < share else None

    return decide


def clip(number: int, tunes: dict[int, audio.Samples]) -> tuple[int, bytes]:
    """Return the expected state and a different file; every third file has no match."""
    seed = number % 3 + 1
    begin = (number * 2_311) % (20 * audio.RATE)
    part = tunes[seed][begin : begin + _CLIP_SECONDS * audio.RATE]
    return (-1 if seed == 3 else 1), audio.wav_bytes(part)


def run(pair: Federation, files: int, share: float) -> bool:
    """Send the files, wait, and print the results."""
    tunes = {seed: audio.tune(seed, 30) for seed in (1, 2, 3)}
    pair.calls.decide = failing(share, 1)
    pair.callbacks.decide = failing(share, 2)
    expected = {}
    for number in range(files):
        state, content = clip(number, tunes)
        expected[f"file-{number:04d}.wav"] = state
        pair.submit(f"file-{number:04d}.wav", content)
    seconds = pair.wait_for_all(files)
    ledger = pair.ledger()
    named = {1: "ready", -1: "no_match"}
    wrong = [(name, state) for name, state in ledger["states"] if named[expected[name]] != state]
    there = Counter(file["name"].split(" [")[0] for file in pair.remote_files())
    twice = sum(number > 1 for number in there.values())
    lost = files - len(there)
    print(f"files                   {files}")
    print(f"calls / with faults     {len(pair.calls.calls)} / {pair.calls.spoiled()}")
    back = pair.callbacks
    print(f"callbacks / with faults {len(back.calls)} / {back.spoiled()}")
    print(f"duration, s             {seconds:.0f}")
    print(f"wrong state             {len(wrong)} {wrong[:5]}")
    print(f"duplicated / lost       {twice} / {lost}")
    print(f"results stored          {ledger['succeeded']}")
    print(f"matches / files         {ledger['matches']} / {ledger['matched_files']}")
    return not (wrong or twice or lost) and ledger["succeeded"] == files


def main(argv: Sequence[str] | None = None) -> int:
    """Return 1 if ``--check`` finds a fault."""
    made = parser("Send files from one portal to another.")
    made.add_argument("--files", type=int, default=200)
    made.add_argument("--failing", type=float, default=0.2)
    made.add_argument("--clips", type=int, default=0, help="of each condition")
    arguments = made.parse_args(argv)
    with workplace() as folder:
        work = Path(folder)
        if arguments.clips:
            report = Report()
            tracks = music(arguments.music, work)
            federation_clips.measure(
                report, tracks, work, seed=arguments.seed, clips=arguments.clips
            )
            return report.end(checked=arguments.check)
        with federation(work) as pair:
            right = run(pair, arguments.files, arguments.failing)
    print("all correct, none duplicated, none lost" if right else "WRONG")
    return 0 if right or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())

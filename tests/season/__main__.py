"""``python -m tests.season``: plays seasons of steps until a step breaks something."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.season.play import Theatre


def main() -> int:
    """Return 0 if every step held, 1 if a step broke something."""
    options = _arguments()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="season-")) / "installation"
    from tests.season.installation import Installation, prepare

    prepare(folder, options.database or f"sqlite:///{folder}/portal.sqlite3")
    if options.migrated:
        shutil.copy(options.migrated, folder / "portal.sqlite3")
    # These imports load models, so Django must be set up first.
    from tests.season import outside, world
    from tests.season.play import Failure, Theatre
    from tests.season.steps import Step
    from tests.season.workers import Spare
    from tests.write_locks import watched

    spare = Spare()
    with outside.web_server(), watched() as holds:
        installation = Installation(folder, world.build, options.world)
        theatre = Theatre(installation, spare, holds)
        _say(began, "the world is built")
        findings: list[Failure] = []
        try:
            if options.steps_of:
                theatre.write_line = lambda line: print(line, flush=True)
                failure = theatre.play([Step.read(step) for step in options.steps_of])
                if failure:
                    findings.append(failure)
                    print(failure, flush=True)
            else:
                theatre.counted = lambda steps: _say(began, f"{steps} steps")
                for failure in theatre.play_many(options.steps, options.length, options.seed):
                    shortest = failure if options.as_it_is else theatre.shorten(failure)
                    findings.append(shortest)
                    _say(began, f"after {theatre.steps} steps:\n{shortest}")
                    print("python -m tests.season --replay", *shortest.steps, flush=True)
                    if not options.go_on:
                        break
            _say(began, f"{theatre.steps} steps, {dict(theatre.kinds)}")
            if options.summary:
                _write_summary(options.summary, theatre, len(findings))
        finally:
            spare.end()
            theatre.installation.remove()
    print(f"{len(findings)} findings")
    return 1 if findings else 0


def _write_summary(path: Path, theatre: Theatre, findings: int) -> None:
    from tests.season.routes import never_reached

    summary = {
        "steps": theatre.steps,
        "findings": findings,
        "held": theatre.holds.longest,
        "never reached": never_reached(theatre.reached),
    }
    path.write_text(json.dumps(summary))


def _say(began: float, text: str) -> None:
    print(f"{time.monotonic() - began:.0f} s: {text}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.season")
    add = parser.add_argument
    add("--steps", type=int, default=1000, help="about so many steps in all")
    add("--length", type=int, default=100, help="steps of one season")
    add("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    add("--database", default="", help="a database of its own, which is made anew")
    add("--migrated", type=Path, help="begin with a copy of this empty SQLite file")
    add("--world", type=Path, help="keep the world here (SQLite), or begin with it")
    add("--summary", type=Path, help="write here what was done, as JSON")
    add("--as-it-is", action="store_true", help="do not shorten what breaks")
    add("--go-on", action="store_true", help="play on after something broke")
    add("--replay", nargs="*", dest="steps_of", help="steps as they were printed")
    options = parser.parse_args()
    print(f"Seed {options.seed}")
    return options


if __name__ == "__main__":
    sys.exit(main())
